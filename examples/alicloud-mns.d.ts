/** The part of the official SDK for Node that the examples use; the package brings no types of its own. */
declare module '@alicloud/mns' {
  /** A refused call is an Error whose name is `MNS`, the code of the protocol, `Error`. */
  class MnsClient {
    constructor(account: string, options: MnsClient.Options);
    sendMessage(queue: string, message: MnsClient.Values): Promise<MnsClient.Reply<{ readonly MessageId: string }>>;
    peekMessage(queue: string): Promise<MnsClient.Reply<{ readonly MessageBody: string }>>;
    batchReceiveMessage(queue: string, count: number, waitSeconds: number): Promise<MnsClient.Reply<readonly MnsClient.ReceivedMessage[]>>;
    batchDeleteMessage(queue: string, receiptHandles: readonly string[]): Promise<MnsClient.Reply<unknown>>;
    changeMessageVisibility(queue: string, receiptHandle: string, seconds: number): Promise<MnsClient.Reply<unknown>>;
    publishMessage(topic: string, message: MnsClient.Values): Promise<MnsClient.Reply<{ readonly MessageId: string }>>;
  }

  namespace MnsClient {
    interface Options {
      readonly endpoint: string;
      readonly accessKeyId: string;
      readonly accessKeySecret: string;
      /** Milliseconds. */
      readonly connectTimeout?: number;
      readonly readTimeout?: number;
    }

    interface Reply<Body> {
      readonly code: number;
      readonly body: Body;
    }

    interface ReceivedMessage {
      readonly MessageId: string;
      readonly MessageBody: string;
      readonly ReceiptHandle: string;
      /** How often it was received, this time included. */
      readonly DequeueCount: string;
    }

    /** They are written into the XML as they are: texts have to be escaped before. */
    type Values = Readonly<Record<string, string | number | Readonly<Record<string, string>>>>;
  }

  export = MnsClient;
}
