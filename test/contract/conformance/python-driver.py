"""Plays calls, one line of JSON each, through the Python SDK; see driver-process.ts for the form of the lines."""

import json
import sys

from mns.account import Account, AccountMeta
from mns.mns_exception import MNSServerException
from mns.queue import Message, QueueMeta
from mns.subscription import SubscriptionMeta
from mns.topic import TopicMessage, TopicMeta

QUEUE_FIELDS = {
    "VisibilityTimeout": "visibility_timeout",
    "MaximumMessageSize": "maximum_message_size",
    "MessageRetentionPeriod": "message_retention_period",
    "DelaySeconds": "delay_seconds",
    "PollingWaitSeconds": "polling_wait_seconds",
    "LoggingEnabled": "logging_enabled",
}
QUEUE_SHOWN = {
    **QUEUE_FIELDS,
    "QueueName": "queue_name",
    "ActiveMessages": "active_messages",
    "InactiveMessages": "inactive_messages",
    "DelayMessages": "delay_messages",
    "CreateTime": "create_time",
    "LastModifyTime": "last_modify_time",
}
TOPIC_FIELDS = {"MaximumMessageSize": "maximum_message_size", "LoggingEnabled": "logging_enabled"}
TOPIC_SHOWN = {
    **TOPIC_FIELDS,
    "TopicName": "topic_name",
    "MessageRetentionPeriod": "message_retention_period",
    "MessageCount": "message_count",
    "CreateTime": "create_time",
    "LastModifyTime": "last_modify_time",
}
SUBSCRIPTION_SHOWN = {
    "TopicOwner": "topic_owner",
    "TopicName": "topic_name",
    "SubscriptionName": "subscription_name",
    "Endpoint": "endpoint",
    "FilterTag": "filter_tag",
    "NotifyStrategy": "notify_strategy",
    "NotifyContentFormat": "notify_content_format",
    "CreateTime": "create_time",
    "LastModifyTime": "last_modify_time",
}


def filled(meta, fields, attributes):
    for name, value in attributes.items():
        setattr(meta, fields[name], value)
    return meta


def shown(meta, fields):
    return {name: str(getattr(meta, field)) for name, field in fields.items()}


def new_message(takes):
    return Message(takes["body"], takes.get("delaySeconds"), takes.get("priority"))


def sent(message):
    result = {"messageId": message.message_id, "bodyMd5": message.message_body_md5}
    if getattr(message, "receipt_handle", ""):
        result["receiptHandle"] = message.receipt_handle
    return result


def peeked(message):
    return {
        "messageId": message.message_id,
        "bodyMd5": message.message_body_md5,
        "body": message.message_body,
        "enqueueTime": message.enqueue_time,
        "firstDequeueTime": message.first_dequeue_time,
        "dequeueCount": message.dequeue_count,
        "priority": message.priority,
    }


def received(message):
    return {**peeked(message), "receiptHandle": message.receipt_handle, "nextVisibleTime": message.next_visible_time}


class Driver:
    """One method for each operation, by its name."""

    def __init__(self, access):
        self.account = Account(access["url"], access["accessKeyId"], access["accessKeySecret"])

    def queue(self, takes):
        queue = self.account.get_queue(takes["queue"])
        queue.set_encoding(False)
        return queue

    def topic(self, takes):
        return self.account.get_topic(takes["topic"])

    def subscription(self, takes):
        return self.account.get_subscription(takes["topic"], takes["subscription"])

    def createQueue(self, takes):
        meta = filled(QueueMeta(), QUEUE_FIELDS, takes.get("attributes", {}))
        return {"url": self.queue(takes).create(meta)}

    def setQueueAttributes(self, takes):
        self.queue(takes).set_attributes(filled(QueueMeta(), QUEUE_FIELDS, takes["attributes"]))

    def getQueueAttributes(self, takes):
        return shown(self.queue(takes).get_attributes(), QUEUE_SHOWN)

    def deleteQueue(self, takes):
        self.queue(takes).delete()

    def listQueues(self, takes):
        return self.page(self.account.list_queue(takes["prefix"], takes["limit"], takes.get("marker", "")))

    def sendMessage(self, takes):
        return sent(self.queue(takes).send_message(new_message(takes)))

    def sendMessages(self, takes):
        messages = [new_message(message) for message in takes["messages"]]
        return {"messages": [sent(message) for message in self.queue(takes).batch_send_message(messages)]}

    def receiveMessage(self, takes):
        return received(self.queue(takes).receive_message(takes.get("waitSeconds", -1)))

    def receiveMessages(self, takes):
        messages = self.queue(takes).batch_receive_message(takes["count"], takes.get("waitSeconds", -1))
        return {"messages": [received(message) for message in messages]}

    def peekMessage(self, takes):
        return peeked(self.queue(takes).peek_message())

    def peekMessages(self, takes):
        return {"messages": [peeked(message) for message in self.queue(takes).batch_peek_message(takes["count"])]}

    def deleteMessage(self, takes):
        self.queue(takes).delete_message(takes["receiptHandle"])

    def deleteMessages(self, takes):
        try:
            self.queue(takes).batch_delete_message(takes["receiptHandles"])
            return {"failed": []}
        except MNSServerException as error:
            if not error.sub_errors:
                raise
            items = [{"code": item["ErrorCode"], "receiptHandle": item["ReceiptHandle"]} for item in error.sub_errors]
            return {"failed": items}

    def changeVisibility(self, takes):
        changed = self.queue(takes).change_message_visibility(takes["receiptHandle"], takes["seconds"])
        return {"receiptHandle": changed.receipt_handle, "nextVisibleTime": changed.next_visible_time}

    def setAccountAttributes(self, takes):
        self.account.set_attributes(AccountMeta(takes["loggingBucket"]))

    def getAccountAttributes(self, takes):
        return {"loggingBucket": self.account.get_attributes().logging_bucket}

    def createTopic(self, takes):
        return {"url": self.topic(takes).create(filled(TopicMeta(), TOPIC_FIELDS, takes.get("attributes", {})))}

    def setTopicAttributes(self, takes):
        self.topic(takes).set_attributes(filled(TopicMeta(), TOPIC_FIELDS, takes["attributes"]))

    def getTopicAttributes(self, takes):
        return shown(self.topic(takes).get_attributes(), TOPIC_SHOWN)

    def deleteTopic(self, takes):
        self.topic(takes).delete()

    def listTopics(self, takes):
        return self.page(self.account.list_topic(takes["prefix"], takes["limit"], takes.get("marker", "")))

    def subscribe(self, takes):
        meta = SubscriptionMeta(takes["endpoint"], takes.get("strategy", ""), takes.get("format", ""), takes.get("filterTag", ""))
        return {"url": self.subscription(takes).subscribe(meta)}

    def setSubscriptionAttributes(self, takes):
        self.subscription(takes).set_attributes(SubscriptionMeta(notify_strategy=takes["strategy"]))

    def getSubscriptionAttributes(self, takes):
        return shown(self.subscription(takes).get_attributes(), SUBSCRIPTION_SHOWN)

    def unsubscribe(self, takes):
        self.subscription(takes).unsubscribe()

    def listSubscriptions(self, takes):
        return self.page(self.topic(takes).list_subscription(takes["prefix"], takes["limit"], takes.get("marker", "")))

    def publishMessage(self, takes):
        return sent(self.topic(takes).publish_message(TopicMessage(takes["body"], takes.get("tag", ""))))

    def page(self, answer):
        urls, marker = answer
        return {"urls": urls, "marker": marker}


def answer(drivers, call):
    key = json.dumps(call["access"], sort_keys=True)
    if key not in drivers:
        drivers[key] = Driver(call["access"])
    try:
        return {"gives": getattr(drivers[key], call["operation"])(call["takes"]) or {}}
    except MNSServerException as error:
        return {"refused": {"code": error.type, "requestId": error.request_id, "hostId": error.host_id}}
    except Exception as error:  # whatever else the SDK raises is its failure, and goes into the report
        return {"failed": "%s: %s" % (type(error).__name__, error)}


def main():
    # The SDK prints; the lines of this protocol must not mix with that.
    replies, sys.stdout = sys.stdout, sys.stderr
    drivers = {}
    for line in sys.stdin:
        call = json.loads(line)
        replies.write(json.dumps({"id": call["id"], **answer(drivers, call)}, separators=(",", ":")) + "\n")
        replies.flush()


main()
