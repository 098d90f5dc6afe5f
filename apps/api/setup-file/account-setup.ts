import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { EventRuleStore } from '#event-rule/event-rule-store.js';
import { EventSourceStore } from '#event-source/event-source-store.js';
import { QueueStore } from '#queue/queue-store.js';
import type { HubSettings } from '#runtime/hub-settings.js';
import { BadSetting } from '#runtime/setting.js';
import { TopicStore } from '#topic/topic-store.js';
import { SetupFile, type AppliedSetup } from './setup-file.js';

/** The set-up file of a process, and the account that it is for: the one that the process is configured with. */
export class AccountSetup {
  private constructor(
    private readonly file: SetupFile,
    private readonly account: string,
  ) {}

  /** @throws BadSetting, BadSetupFile */
  static async read(path: string, { accountId, accessKeyId }: HubSettings): Promise<AccountSetup> {
    const given = 'not set although MAGPIE_SETUP_FILE is';
    if (accountId === undefined) throw new BadSetting('MAGPIE_ACCOUNT_ID', given, '16 digits, the account that the file is for');
    if (accessKeyId === undefined) throw new BadSetting('MAGPIE_ACCESS_KEY_ID', given, 'an access key, without which there is no account');
    return new AccountSetup(await SetupFile.read(path, accountId), accountId);
  }

  /** @throws see `SetupFile.apply` */
  apply(app: NestFastifyApplication): Promise<AppliedSetup> {
    const { account } = this;
    const [queues, topics] = [app.get(QueueStore), app.get(TopicStore)];
    return this.file.apply({ account, queues, topics, sources: app.get(EventSourceStore), rules: app.get(EventRuleStore) });
  }
}
