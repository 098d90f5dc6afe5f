package conformance;

import com.aliyun.mns.common.ServiceException;
import com.google.gson.Gson;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.NoSuchElementException;

/** Plays calls, one line of JSON each, through the Java SDK; see driver-process.ts for the form of the lines. */
public final class Main {
    private static final Gson GSON = new Gson();

    public static void main(String[] arguments) throws IOException {
        PrintStream replies = new PrintStream(System.out, true, "UTF-8");
        System.setOut(System.err);
        Map<String, Driver> drivers = new HashMap<>();
        BufferedReader calls = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = calls.readLine(); line != null; line = calls.readLine()) {
            JsonObject call = new JsonParser().parse(line).getAsJsonObject();
            Map<String, Object> answer = new LinkedHashMap<>();
            answer.put("id", call.get("id").getAsInt());
            answer.putAll(answer(drivers, call));
            replies.println(GSON.toJson(answer));
        }
        // The SDK's threads would keep the process alive.
        System.exit(0);
    }

    private static Map<String, Object> answer(Map<String, Driver> drivers, JsonObject call) {
        try {
            JsonObject access = call.getAsJsonObject("access");
            Driver driver = drivers.get(access.toString());
            if (driver == null) {
                driver = new Driver(SdkVersion.open(access));
                drivers.put(access.toString(), driver);
            }
            Object gives = driver.play(call.get("operation").getAsString(), call.getAsJsonObject("takes"));
            return Collections.singletonMap("gives", gives);
        } catch (Exception error) {
            return failure(error);
        }
    }

    private static Map<String, Object> failure(Exception error) {
        String code = error instanceof NoSuchElementException ? "MessageNotExist" : SdkVersion.errorCode(error);
        if (code == null) {
            return Collections.<String, Object>singletonMap("failed", String.valueOf(error));
        }
        Map<String, String> refused = new LinkedHashMap<>();
        refused.put("code", code);
        if (error instanceof ServiceException) {
            refused.put("requestId", ((ServiceException) error).getRequestId());
            refused.put("hostId", ((ServiceException) error).getHostId());
        }
        return Collections.<String, Object>singletonMap("refused", refused);
    }
}
