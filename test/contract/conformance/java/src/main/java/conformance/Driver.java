package conformance;

import com.aliyun.mns.client.CloudQueue;
import com.aliyun.mns.client.CloudTopic;
import com.aliyun.mns.client.MNSClient;
import com.aliyun.mns.common.BatchDeleteException;
import com.aliyun.mns.model.AccountAttributes;
import com.aliyun.mns.model.ErrorMessageResult;
import com.aliyun.mns.model.Message;
import com.aliyun.mns.model.PagingListResult;
import com.aliyun.mns.model.QueueMeta;
import com.aliyun.mns.model.RawTopicMessage;
import com.aliyun.mns.model.SubscriptionMeta;
import com.aliyun.mns.model.TopicMessage;
import com.aliyun.mns.model.TopicMeta;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.NoSuchElementException;

/** One branch for each operation, by its name. */
final class Driver {
    private final MNSClient client;

    Driver(MNSClient client) {
        this.client = client;
    }

    Object play(String operation, JsonObject takes) throws Exception {
        if (takes.has("queue")) {
            return playQueue(operation, takes, client.getQueueRef(takes.get("queue").getAsString()));
        }
        if (takes.has("topic")) {
            return playTopic(operation, takes, client.getTopicRef(takes.get("topic").getAsString()));
        }
        switch (operation) {
            case "listQueues":
                return page(client.listQueueURL(text(takes, "prefix"), text(takes, "marker"), takes.get("limit").getAsInt()));
            case "listTopics":
                return page(client.listTopicURL(text(takes, "prefix"), text(takes, "marker"), takes.get("limit").getAsInt()));
            case "setAccountAttributes":
                AccountAttributes attributes = new AccountAttributes();
                attributes.setLoggingBucket(text(takes, "loggingBucket"));
                SdkVersion.invokeFirst(client, AccountAttributes.class, attributes, "setAccountAttributes", "SetAccountAttributes");
                return nothing();
            case "getAccountAttributes":
                AccountAttributes shown = SdkVersion.invokeFirst(client, "getAccountAttributes", "GetAccountAttributes");
                return Collections.singletonMap("loggingBucket", shown.getLoggingBucket());
            default:
                throw new IllegalArgumentException(operation);
        }
    }

    private Object playQueue(String operation, JsonObject takes, CloudQueue queue) throws Exception {
        switch (operation) {
            case "createQueue":
                return Collections.singletonMap("url", queue.create(queueMeta(takes)));
            case "setQueueAttributes":
                queue.setAttributes(queueMeta(takes));
                return nothing();
            case "getQueueAttributes":
                return shown(queue.getAttributes());
            case "deleteQueue":
                queue.delete();
                return nothing();
            case "deleteMessage":
                queue.deleteMessage(text(takes, "receiptHandle"));
                return nothing();
            case "deleteMessages":
                return deleted(queue, takes);
            case "changeVisibility":
                Message changed = queue.changeMessageVisibility(text(takes, "receiptHandle"), takes.get("seconds").getAsInt());
                Map<String, Object> handle = nothing();
                handle.put("receiptHandle", changed.getReceiptHandle());
                handle.put("nextVisibleTime", changed.getNextVisibleTime().getTime());
                return handle;
            default:
                return playMessages(operation, takes, queue);
        }
    }

    private Object playMessages(String operation, JsonObject takes, CloudQueue queue) throws Exception {
        switch (operation) {
            case "sendMessage":
                return sent(queue.putMessage(newMessage(takes)));
            case "sendMessages":
                List<Message> messages = new ArrayList<>();
                for (JsonElement message : takes.getAsJsonArray("messages")) {
                    messages.add(newMessage(message.getAsJsonObject()));
                }
                return all(queue.batchPutMessage(messages), true);
            case "receiveMessage":
                return received(takes.has("waitSeconds") ? queue.popMessage(takes.get("waitSeconds").getAsInt()) : queue.popMessage());
            case "receiveMessages":
                int count = takes.get("count").getAsInt();
                return all(takes.has("waitSeconds") ? queue.batchPopMessage(count, takes.get("waitSeconds").getAsInt()) : queue.batchPopMessage(count), false);
            case "peekMessage":
                return received(queue.peekMessage());
            case "peekMessages":
                return all(queue.batchPeekMessage(takes.get("count").getAsInt()), false);
            default:
                throw new IllegalArgumentException(operation);
        }
    }

    private Object playTopic(String operation, JsonObject takes, CloudTopic topic) throws Exception {
        switch (operation) {
            case "createTopic":
                return Collections.singletonMap("url", topic.create(topicMeta(takes)));
            case "setTopicAttributes":
                topic.setAttribute(topicMeta(takes));
                return nothing();
            case "getTopicAttributes":
                return shown(topic.getAttribute());
            case "deleteTopic":
                topic.delete();
                return nothing();
            case "subscribe":
                return Collections.singletonMap("url", topic.subscribe(subscriptionMeta(takes)));
            case "setSubscriptionAttributes":
                topic.setSubscriptionAttr(subscriptionMeta(takes));
                return nothing();
            case "getSubscriptionAttributes":
                return shown(topic.getSubscriptionAttr(text(takes, "subscription")));
            case "unsubscribe":
                topic.unsubscribe(text(takes, "subscription"));
                return nothing();
            case "listSubscriptions":
                return page(topic.listSubscriptionUrls(text(takes, "prefix"), text(takes, "marker"), takes.get("limit").getAsInt()));
            case "publishMessage":
                RawTopicMessage message = new RawTopicMessage();
                message.setBaseMessageBody(text(takes, "body"));
                if (takes.has("tag")) {
                    message.setMessageTag(text(takes, "tag"));
                }
                SdkVersion.setCompanions(message, takes);
                TopicMessage published = topic.publishMessage(message);
                Map<String, Object> result = nothing();
                result.put("messageId", published.getMessageId());
                result.put("bodyMd5", published.getMessageBodyMD5());
                return result;
            default:
                throw new IllegalArgumentException(operation);
        }
    }

    private static Object deleted(CloudQueue queue, JsonObject takes) throws Exception {
        List<String> handles = new ArrayList<>();
        for (JsonElement handle : takes.getAsJsonArray("receiptHandles")) {
            handles.add(handle.getAsString());
        }
        List<Object> failed = new ArrayList<>();
        try {
            queue.batchDeleteMessage(handles);
        } catch (Exception error) {
            BatchDeleteException partly = SdkVersion.batchDelete(error);
            if (partly == null) {
                throw error;
            }
            for (Map.Entry<String, ErrorMessageResult> item : partly.getErrorMessages().entrySet()) {
                Map<String, Object> one = nothing();
                one.put("code", item.getValue().getErrorCode());
                one.put("receiptHandle", item.getKey());
                failed.add(one);
            }
        }
        return Collections.singletonMap("failed", failed);
    }

    private static QueueMeta queueMeta(JsonObject takes) {
        QueueMeta meta = new QueueMeta();
        meta.setQueueName(text(takes, "queue"));
        for (Map.Entry<String, JsonElement> attribute : attributes(takes)) {
            JsonElement value = attribute.getValue();
            switch (attribute.getKey()) {
                case "DelaySeconds":
                    meta.setDelaySeconds(value.getAsLong());
                    break;
                case "MaximumMessageSize":
                    meta.setMaxMessageSize(value.getAsLong());
                    break;
                case "MessageRetentionPeriod":
                    meta.setMessageRetentionPeriod(value.getAsLong());
                    break;
                case "VisibilityTimeout":
                    meta.setVisibilityTimeout(value.getAsLong());
                    break;
                case "PollingWaitSeconds":
                    meta.setPollingWaitSeconds(value.getAsInt());
                    break;
                case "LoggingEnabled":
                    meta.setLoggingEnabled(value.getAsBoolean());
                    break;
                default:
                    throw new IllegalArgumentException(attribute.getKey());
            }
        }
        return meta;
    }

    private static TopicMeta topicMeta(JsonObject takes) {
        TopicMeta meta = new TopicMeta();
        meta.setTopicName(text(takes, "topic"));
        for (Map.Entry<String, JsonElement> attribute : attributes(takes)) {
            meta.setMaxMessageSize(attribute.getValue().getAsLong());
        }
        return meta;
    }

    private static SubscriptionMeta subscriptionMeta(JsonObject takes) {
        SubscriptionMeta meta = new SubscriptionMeta();
        meta.setSubscriptionName(text(takes, "subscription"));
        if (takes.has("endpoint")) {
            meta.setEndpoint(text(takes, "endpoint"));
        }
        if (takes.has("format")) {
            meta.setNotifyContentFormat(SubscriptionMeta.NotifyContentFormat.valueOf(text(takes, "format")));
        }
        if (takes.has("strategy")) {
            meta.setNotifyStrategy(SubscriptionMeta.NotifyStrategy.valueOf(text(takes, "strategy")));
        }
        if (takes.has("filterTag")) {
            meta.setFilterTag(text(takes, "filterTag"));
        }
        return meta;
    }

    private static Message newMessage(JsonObject takes) throws Exception {
        Message message = new Message();
        message.setMessageBody(text(takes, "body"), Message.MessageBodyType.RAW_STRING);
        if (takes.has("priority")) {
            message.setPriority(takes.get("priority").getAsInt());
        }
        if (takes.has("delaySeconds")) {
            message.setDelaySeconds(takes.get("delaySeconds").getAsInt());
        }
        SdkVersion.setCompanions(message, takes);
        return message;
    }

    private static Map<String, Object> sent(Message message) {
        Map<String, Object> result = nothing();
        result.put("messageId", message.getMessageId());
        result.put("bodyMd5", message.getMessageBodyMD5());
        result.put("receiptHandle", message.getReceiptHandle());
        result.put("group", SdkVersion.group(message));
        return result;
    }

    /** @throws NoSuchElementException for null, which the SDK makes of the server's MessageNotExist */
    private static Map<String, Object> received(Message message) {
        if (message == null) {
            throw new NoSuchElementException();
        }
        Map<String, Object> result = sent(message);
        result.put("body", message.getMessageBodyAsRawString());
        result.put("enqueueTime", message.getEnqueueTime().getTime());
        result.put("firstDequeueTime", message.getFirstDequeueTime().getTime());
        result.put("nextVisibleTime", message.getNextVisibleTime() == null ? null : message.getNextVisibleTime().getTime());
        result.put("dequeueCount", message.getDequeueCount());
        result.put("priority", message.getPriority());
        result.put("userProperties", SdkVersion.userProperties(message));
        result.put("systemProperties", SdkVersion.systemProperties(message));
        return result;
    }

    private static Object all(List<Message> messages, boolean sent) {
        if (messages == null) {
            return received(null);
        }
        List<Object> results = new ArrayList<>();
        for (Message message : messages) {
            results.add(sent ? sent(message) : received(message));
        }
        return Collections.singletonMap("messages", results);
    }

    private static Object shown(QueueMeta meta) {
        Map<String, Object> result = nothing();
        result.put("QueueName", meta.getQueueName());
        result.put("DelaySeconds", String.valueOf(meta.getDelaySeconds()));
        result.put("MaximumMessageSize", String.valueOf(meta.getMaxMessageSize()));
        result.put("MessageRetentionPeriod", String.valueOf(meta.getMessageRetentionPeriod()));
        result.put("VisibilityTimeout", String.valueOf(meta.getVisibilityTimeout()));
        result.put("PollingWaitSeconds", String.valueOf(meta.getPollingWaitSeconds()));
        result.put("ActiveMessages", String.valueOf(meta.getActiveMessages()));
        result.put("InactiveMessages", String.valueOf(meta.getInactiveMessages()));
        result.put("DelayMessages", String.valueOf(meta.getDelayMessages()));
        result.put("LoggingEnabled", flag(meta.isLoggingEnabled()));
        result.put("CreateTime", String.valueOf(meta.getCreateTime().getTime() / 1000));
        result.put("LastModifyTime", String.valueOf(meta.getLastModifyTime().getTime() / 1000));
        return result;
    }

    private static Object shown(TopicMeta meta) {
        Map<String, Object> result = nothing();
        result.put("TopicName", meta.getTopicName());
        result.put("MaximumMessageSize", String.valueOf(meta.getMaxMessageSize()));
        result.put("MessageRetentionPeriod", String.valueOf(meta.getMessageRetentionPeriod()));
        result.put("MessageCount", String.valueOf(meta.getMessageCount()));
        result.put("LoggingEnabled", flag(meta.isLoggingEnabled()));
        result.put("CreateTime", String.valueOf(meta.getCreateTime()));
        result.put("LastModifyTime", String.valueOf(meta.getLastModifyTime()));
        return result;
    }

    private static Object shown(SubscriptionMeta meta) {
        Map<String, Object> result = nothing();
        result.put("TopicOwner", meta.getTopicOwner());
        result.put("TopicName", meta.getTopicName());
        result.put("SubscriptionName", meta.getSubscriptionName());
        result.put("Endpoint", meta.getEndpoint());
        result.put("FilterTag", meta.getFilterTag());
        result.put("NotifyStrategy", String.valueOf(meta.getNotifyStrategy()));
        result.put("NotifyContentFormat", String.valueOf(meta.getNotifyContentFormat()));
        result.put("CreateTime", String.valueOf(meta.getCreateTime()));
        result.put("LastModifyTime", String.valueOf(meta.getLastModifyTime()));
        return result;
    }

    private static Object page(PagingListResult<String> page) {
        Map<String, Object> result = nothing();
        boolean none = page == null || page.getResult() == null;
        result.put("urls", none ? Collections.emptyList() : page.getResult());
        result.put("marker", none || page.getMarker() == null ? "" : page.getMarker());
        return result;
    }

    private static Iterable<Map.Entry<String, JsonElement>> attributes(JsonObject takes) {
        return takes.has("attributes") ? takes.getAsJsonObject("attributes").entrySet() : Collections.<Map.Entry<String, JsonElement>>emptySet();
    }

    /** Null when absent. */
    private static String text(JsonObject takes, String name) {
        return takes.has(name) ? takes.get(name).getAsString() : null;
    }

    private static String flag(boolean value) {
        return value ? "True" : "False";
    }

    private static Map<String, Object> nothing() {
        return new LinkedHashMap<>();
    }
}
