package conformance;

import com.aliyun.mns.client.MNSClient;
import com.aliyun.mns.common.BatchDeleteException;
import com.aliyun.mns.common.ServiceException;
import com.aliyun.mns.common.http.ClientConfiguration;
import com.aliyun.mns.model.BaseMessage;
import com.google.gson.JsonElement;
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

    /** Properties and message group, which the old version does not know. */
    static void setCompanions(BaseMessage message, JsonObject takes) throws Exception {
        if (takes.has("userProperties")) {
            set(message, "setUserProperties", Map.class, userProperties(takes.getAsJsonObject("userProperties")));
        }
        if (takes.has("systemProperties")) {
            Class<?> nameType = Class.forName(SDK + "model.MessageSystemPropertyName");
            Class<?> valueType = Class.forName(SDK + "model.MessageSystemPropertyValue");
            for (Map.Entry<String, JsonElement> property : takes.getAsJsonObject("systemProperties").entrySet()) {
                Object name = nameType.getMethod("getByValue", String.class).invoke(null, property.getKey());
                Object value = typed(valueType, SDK + "model.SystemPropertyType", "STRING", property.getValue().getAsString());
                message.getClass().getMethod("putSystemProperty", nameType, valueType).invoke(message, name, value);
            }
        }
        if (takes.has("group")) {
            set(message, "setMessageGroupId", String.class, takes.get("group").getAsString());
        }
    }

    private static Map<String, Object> userProperties(JsonObject properties) throws Exception {
        Map<String, Object> values = new HashMap<>();
        for (Map.Entry<String, JsonElement> property : properties.entrySet()) {
            JsonObject given = property.getValue().getAsJsonObject();
            Class<?> valueType = Class.forName(SDK + "model.MessagePropertyValue");
            values.put(property.getKey(), typed(valueType, SDK + "model.PropertyType", text(given, "type"), text(given, "value")));
        }
        return values;
    }

    private static Object typed(Class<?> valueType, String enumName, String type, String value) throws Exception {
        Class<?> types = Class.forName(enumName);
        return valueType.getConstructor(types, String.class).newInstance(types.getMethod("valueOf", String.class).invoke(null, type), value);
    }

    private static String text(JsonObject object, String name) {
        return object.get(name).getAsString();
    }

    /** Null when the version knows no groups, or the message has none. */
    static String group(BaseMessage message) {
        return tryInvoke(message, "getMessageGroupId");
    }

    /** Null when the version knows no properties, or the message has none. */
    static Map<String, Object> userProperties(BaseMessage message) {
        Map<String, Object> values = tryInvoke(message, "getUserProperties");
        if (values == null) {
            return null;
        }
        Map<String, Object> shown = new HashMap<>();
        for (Map.Entry<String, Object> property : values.entrySet()) {
            Map<String, String> one = new HashMap<>();
            one.put("type", SdkVersion.<String>tryInvoke(property.getValue(), "getDataTypeString"));
            one.put("value", SdkVersion.<String>tryInvoke(property.getValue(), "getStringValueByType"));
            shown.put(property.getKey(), one);
        }
        return shown;
    }

    static Map<String, String> systemProperties(BaseMessage message) {
        Map<String, Object> values = tryInvoke(message, "getSystemProperties");
        if (values == null) {
            return null;
        }
        Map<String, String> texts = new HashMap<>();
        for (Map.Entry<String, Object> property : values.entrySet()) {
            texts.put(property.getKey(), SdkVersion.<String>tryInvoke(property.getValue(), "getStringValueByType"));
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
