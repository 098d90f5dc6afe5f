package conformance;

import com.aliyun.mns.client.MNSClient;
import com.aliyun.mns.common.BatchDeleteException;
import com.aliyun.mns.common.ServiceException;
import com.aliyun.mns.common.http.ClientConfiguration;
import com.aliyun.mns.model.BaseMessage;
import com.google.gson.JsonObject;
import java.lang.reflect.Constructor;
import java.util.HashMap;
import java.util.Map;

/** What differs between the versions of the SDK, found by reflection so that one source fits all of them. */
final class SdkVersion {
    private static final String SDK = "com.aliyun.mns.";

    private SdkVersion() {
    }

    static MNSClient open(JsonObject access) throws Exception {
        String url = access.get("url").getAsString();
        String key = access.get("accessKeyId").getAsString();
        String secret = access.get("accessKeySecret").getAsString();
        ClientConfiguration configuration = new ClientConfiguration();
        configuration.setMaxErrorRetry(0);
        Class<?> builderClass;
        try {
            builderClass = Class.forName(SDK + "client.MNSClientBuilder");
        } catch (ClassNotFoundException old) {
            Constructor<?> account = Class.forName(SDK + "client.CloudAccount")
                .getConstructor(String.class, String.class, String.class, ClientConfiguration.class);
            return invoke(account.newInstance(key, secret, url, configuration), "getMNSClient");
        }
        chooseSignature(configuration, access.get("signature").getAsString());
        Object builder = builderClass.getMethod("create").invoke(null);
        set(builder, "accessKeyId", String.class, key);
        set(builder, "accessKeySecret", String.class, secret);
        set(builder, "accountEndpoint", String.class, url);
        set(builder, "region", String.class, "cn-test");
        set(builder, "clientConfiguration", ClientConfiguration.class, configuration);
        return invoke(builder, "build");
    }

    private static void chooseSignature(ClientConfiguration configuration, String name) throws Exception {
        Class<?> versions = Class.forName(SDK + "common.auth.SignVersion");
        set(configuration, "setSignatureVersion", versions, versions.getMethod("valueOf", String.class).invoke(null, name));
    }

    /** Code of an error that the server named; null of any other. */
    static String errorCode(Exception error) {
        if (error instanceof ServiceException) {
            return ((ServiceException) error).getErrorCode();
        }
        return error.getClass().getSimpleName().equals("ServiceHandlingRequiredException") ? SdkVersion.<String>tryInvoke(error, "getErrorCode") : null;
    }

    /** The failures of a batch of deletes, which the new version wraps once more; null when it is another error. */
    static BatchDeleteException batchDelete(Exception error) {
        for (Throwable cause = error; cause != null; cause = cause.getCause()) {
            if (cause instanceof BatchDeleteException) {
                return (BatchDeleteException) cause;
            }
        }
        return null;
    }

    static void setProperties(BaseMessage message, Map<String, String> properties) throws Exception {
        Class<?> type = Class.forName(SDK + "model.MessagePropertyValue");
        Map<String, Object> values = new HashMap<>();
        for (Map.Entry<String, String> property : properties.entrySet()) {
            values.put(property.getKey(), type.getConstructor(String.class).newInstance(property.getValue()));
        }
        set(message, "setUserProperties", Map.class, values);
    }

    /** Null when the version knows no properties, or the message has none. */
    static Map<String, String> properties(BaseMessage message) {
        Map<String, Object> values = tryInvoke(message, "getUserProperties");
        if (values == null) {
            return null;
        }
        Map<String, String> texts = new HashMap<>();
        for (Map.Entry<String, Object> value : values.entrySet()) {
            texts.put(value.getKey(), SdkVersion.<String>tryInvoke(value.getValue(), "getStringValue"));
        }
        return texts;
    }

    /** Calls the first of these methods that the version has: some were renamed. */
    static <T> T invokeFirst(Object target, Class<?> type, Object argument, String... names) throws Exception {
        for (String name : names) {
            try {
                return cast(target.getClass().getMethod(name, type).invoke(target, argument));
            } catch (NoSuchMethodException renamed) {
                continue;
            }
        }
        throw new NoSuchMethodException(names[0]);
    }

    static <T> T invokeFirst(Object target, String... names) throws Exception {
        for (String name : names) {
            try {
                return cast(target.getClass().getMethod(name).invoke(target));
            } catch (NoSuchMethodException renamed) {
                continue;
            }
        }
        throw new NoSuchMethodException(names[0]);
    }

    private static <T> T invoke(Object target, String name) throws Exception {
        return cast(target.getClass().getMethod(name).invoke(target));
    }

    private static void set(Object target, String name, Class<?> type, Object value) throws Exception {
        target.getClass().getMethod(name, type).invoke(target, value);
    }

    private static <T> T tryInvoke(Object target, String name) {
        try {
            return invoke(target, name);
        } catch (Exception absent) {
            return null;
        }
    }

    @SuppressWarnings("unchecked")
    private static <T> T cast(Object value) {
        return (T) value;
    }
}
