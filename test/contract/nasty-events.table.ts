/**
 * What stores, networks and people do to a bridge, a line each, with the test that does it. `nasty-events.test.ts` checks that every file
 * named here exists and has the words that are given, and runs the lines that name itself.
 */
export interface NastyCase {
  readonly what: string;
  readonly file: string;
  /** Part of the title of the test, or of its text. */
  readonly says: string;
}

const HERE = 'test/contract/nasty-events.test.ts';
const DIALECTS = 'libs/event-rule/store-dialects.test.ts';
const INTAKE = 'apps/bridge/intake/intake-http.test.ts';
const MINIO = 'test/flow/bridge-minio.test.ts';
const WAITING = 'apps/bridge/rules/waiting-events.test.ts';
const DESTINATIONS = 'apps/bridge/rules/rule-destinations.test.ts';
const LISTENER = 'apps/bridge/sources/listener.test.ts';
const WATCH = 'apps/bridge/sources/store-watch.test.ts';
const RULES_WATCH = 'apps/bridge/sources/rules-watch.test.ts';
const HISTORY = 'apps/bridge/sources/store-history.test.ts';
const LEADER = 'apps/bridge/sources/source-leader.test.ts';
const RECONCILER = 'apps/bridge/reconcile/reconciler.test.ts';
const CHAOS = 'test/chaos/bridge.chaos.ts';
const BLOCKED = 'test/flow/bridge-blocked.test.ts';
const CRASH = 'test/flow/bridge-crash.test.ts';
const LOG = 'apps/bridge/intake/write-ahead-log.test.ts';
const AWAY = 'apps/bridge/intake/redis-away.test.ts';

const line = (what: string, file: string, says: string): NastyCase => ({ what, file, says });

export const NASTY_CASES: Readonly<Record<string, readonly NastyCase[]>> = {
  'names of objects': [
    line('blanks, plus, percent, encoded look-alikes', DIALECTS, 'keeps the key %j'),
    line('other scripts, emoji, composed and decomposed accents, 1,023 bytes of three-byte letters', DIALECTS, 'keeps the key %j'),
    line('wildcards, quotes, markup, control characters, blanks at the ends', DIALECTS, 'keeps the key %j'),
    line('a slash at the end, the name of the bucket, names of JavaScript members', DIALECTS, 'keeps the key %j'),
    line('the same from a real MinIO', MINIO, 'tells every key as it is, once'),
    line('the same in the message', 'libs/event-rule/message-forms.test.ts', 'carries the key %j to the consumer'),
    line('the same in the stream of a store', LISTENER, 'with keys as they are'),
    line('the same in a listing', RECONCILER, 'finds keys with every character'),
    line('the same in a rule that names the object', HERE, 'every name can be named by a rule'),
  ],
  'sizes and tags of content': [
    line('an empty object has no size', 'libs/event-rule/intake-body.test.ts', 'a zero-byte object has no size'),
    line('five tebibytes', 'libs/event-rule/message-forms.test.ts', 'tells %d bytes exactly'),
    line('a multipart upload of ten thousand parts', 'libs/event-rule/oss-event.test.ts', '30dc5b5a-10000'),
    line('a tag that is no digest (encrypted objects)', HERE, 'tells a tag of content that is no digest'),
  ],
  'one object, many changes': [
    line('two uploads and a removal within a millisecond, on two nodes', HERE, 'keeps three changes within a millisecond apart'),
    line('they arrive in the wrong order', HERE, 'tells what arrives late'),
    line('a copy arrives again', 'apps/bridge/bridge.test.ts', 'makes one message of any number of copies'),
    line('a copy arrives after its mark has expired: a second message, never a lost one', HERE, 'tells a copy again after its mark has expired'),
    line('many changes keep their order', 'apps/bridge/bridge.test.ts', 'keeps the events of one object in order'),
    line('and in a FIFO queue also behind events that wait', DESTINATIONS, 'what comes then does not overtake what waits'),
  ],
  versions: [
    line('a delete marker is made', MINIO, 'tells the making of a delete marker and not its removal'),
    line('it is removed by its id', 'apps/bridge/bridge.test.ts', 'knows the removal of a delete marker from its creation'),
    line('a version is removed', HERE, 'tells each removal of a versioned object'),
    line('what was not there is removed', 'apps/bridge/bridge.test.ts', 'makes no message of what OSS does not tell'),
    line('versioning is suspended: the version null', HERE, 'tells each removal of a versioned object'),
    line('all versions go at once', HERE, 'tells each removal of a versioned object'),
    line('a thousand keys are removed by one request, twice the same and missing ones among them', HERE, 'tells each object of a removal of many'),
  ],
  'too much, too slow': [
    line('a slow listener drops events: noticed and repaired', WATCH, 'opens a gap for a restart and for dropped events'),
    line('the same under load, counted', CHAOS, 'kills (SIGKILL) of MinIO'),
    line('the queue of a store is full', HISTORY, 'tells a restart and a loss by what changed'),
    line('RustFS repeats its last thousand events from every node on each connection', HERE, 'suppresses what a store repeats on every connection'),
    line('the main loop of the bridge is blocked for seconds', BLOCKED, 'takes fast copies at once, and hands them on afterwards'),
  ],
  'restarts and failures': [
    line('MinIO restarts, gracefully and not, while clients go on', CHAOS, 'VICTIMS'),
    line('a restart of the store opens a gap', WATCH, 'opens a gap for a restart and for dropped events'),
    line('objects that were stored and never answered are found', CHAOS, 'stored and never answered'),
    line('the bridge is killed between storing and answering', CRASH, 'again and again under load loses no event and doubles none'),
    line('and between hand-over and mark: they are one step', AWAY, 'a kill in the middle of a stream of events loses none and doubles none'),
    line('the leader of a source loses its lease', LEADER, 'ends its tasks before a lease that it cannot renew is over'),
    line('two want to lead', LEADER, 'runs the tasks of a source in one process'),
    line('clocks jump, zones change', HERE, 'does not care for the clocks of stores'),
    line('Redis is away under load, memory stays bounded, order is kept', AWAY, 'those of one object in order'),
    line('Redis loses its last writes', 'apps/bridge/rules/rule-snapshot.test.ts', 'follows a Redis that lost its last writes'),
    line('Redis loses the group of the journal', 'apps/bridge/journal/journal.test.ts', 'makes its group again when Redis has lost it'),
    line('Redis and the disk are both away', AWAY, 'events are refused when the disk takes none either'),
    line('a file ends in the middle of a record', LOG, 'stops at a torn end'),
    line('a record in a file is damaged', LOG, 'skips what is damaged and counts it'),
    line('and what it held is searched for', 'apps/bridge/sources/event-source.test.ts', 'is searched for what a damaged file'),
  ],
  destinations: [
    line('a queue is deleted under its rule', DESTINATIONS, 'may be a queue that is deleted and made again'),
    line('a topic is deleted and made again with another id', DESTINATIONS, 'may be a topic that is deleted and made again with another id'),
    line('a destination refuses a message', WAITING, 'do not wait for one that is refused for its size'),
    line('an event is too large for a message', 'libs/event-rule/oss-event.test.ts', 'never leaves out the key, and always fits'),
    line('one destination is missing, the others go on', WAITING, 'hold up nothing else'),
    line('a rule is deleted while events wait for it', WAITING, 'are dropped with their rule'),
    line('a store does not tell the tags that a rule asks for', 'apps/bridge/rules/object-tags.test.ts', 'lets events wait while the store does not answer'),
  ],
  buckets: [
    line('a bucket is removed and made again: its rules are put again', RULES_WATCH, 'does so for a bucket that was removed and made again'),
    line('a bucket is made while all are listened to', LISTENER, 'listens to all buckets of a source without buckets'),
    line('a rule for a bucket that does not exist yet', HERE, 'takes a rule for a bucket that does not exist yet'),
    line('a bucket cannot be listed', RECONCILER, 'names buckets that cannot be listed, and repairs the others'),
  ],
  'the way to the store': [
    line('credentials are revoked: the stream ends with its next connection', LISTENER, "says so when the answer is %s"),
    line('a proxy holds back, cuts off, or lets packets vanish', LISTENER, 'keeps trying a store that takes requests and answers none'),
    line('a stream that sends nothing although the store answers', LISTENER, 'finds a store unusable that sends nothing'),
    line('characters split over chunks, bad lines', LISTENER, 'reads characters that are split over chunks'),
  ],
  'the way to the intake': [
    line('a wrong token', INTAKE, 'missing: 401'),
    line('a body that was sent before', 'apps/bridge/bridge.test.ts', 'makes one message of any number of copies'),
    line('ten mebibytes, announced or not', INTAKE, 'longer than any event, announced or not'),
    line('chunks', INTAKE, 'takes chunks'),
    line('gzip, invalid UTF-8, half JSON, strange types', INTAKE, "['gzip', gzipSync(minioBody())"),
    line('two records, no records, null', 'libs/event-rule/intake-body.test.ts', 'takes several records'),
    line('test events', DIALECTS, 'finds nothing to do in a test event'),
    line('SNS, SQS, one in the other', DIALECTS, 'AWS through SNS and SQS'),
    line('a member twice', HERE, 'takes the last of two members with the same name'),
    line('a byte order mark', 'libs/event-rule/intake-body.test.ts', 'a byte order mark'),
    line('HTTP/1.0', INTAKE, 'may be of HTTP/1.0'),
    line('Expect: 100-continue', INTAKE, 'may ask before they send the body'),
    line('posts from sixteen nodes at once', INTAKE, 'takes posts from many connections at once'),
    line('idle connections are not closed under a sender', INTAKE, 'stay open, longer than senders keep them idle'),
    line('what nobody can read is answered 2xx, kept and shown', 'apps/bridge/bridge.test.ts', 'shows what it could not read, and goes on'),
    line('a broken file at the head of the store’s queue is noticed', HISTORY, 'finds a queue stuck that does not move for a minute'),
    line('something in front redirects: a GET is never acknowledged', INTAKE, 'gets 405'),
    line('and is found when the source is checked', 'test/contract/event-sources.scenario.test.ts', 'says that something redirects the posts'),
    line('posts to wrong paths are never redirected', INTAKE, 'gets 4xx, never a redirect'),
  ],
  rules: [
    line('rules change all the time: each event sees one state of all of them', 'apps/bridge/rules/rule-snapshot.test.ts', 'is one state of all rules, never a mixture of two'),
    line('and one that is as new as the event', 'apps/bridge/bridge.test.ts', 'applies a rule to whatever is posted after the rule was stored'),
    line('what waits for a rule that is changed goes where it points then', WAITING, 'go where the rule points after it was mended'),
    line('rules that OSS would not take beside each other', 'libs/event-rule/rule-conflict.test.ts', '%s, prefix %j, suffix %j'),
    line('conditions that must not be met, lists of lists, nothing at all', 'libs/event-rule/rule-set.test.ts', 'what must not match and does'),
    line('ten thousand rules', 'libs/event-rule/resource-index.test.ts', 'an index of resources'),
    line('rules that contradict themselves', 'libs/event-rule/rule-check.test.ts', 'is refused: %s'),
  ],
  listings: [
    line('an object made again with the same content is a new event', RECONCILER, 'tells a later change of the same object'),
    line('an event that arrives after the listing told it', RECONCILER, 'leaves out an event that arrives after the listing told it'),
    line('very many objects expire without a word', 'apps/bridge/inventory/missed-deletes.test.ts', 'tells the end of a whole bucket'),
    line('an object that is made again with the same content and goes once more', 'apps/bridge/inventory/missed-deletes.test.ts', 'tells an object that was made again with the same content'),
    line('a listing that is stopped goes on where it was', RECONCILER, 'goes on where it was after it was stopped'),
  ],
};
