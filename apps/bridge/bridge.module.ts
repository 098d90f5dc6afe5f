import { Module, type DynamicModule } from '@nestjs/common';
import { Bridge } from './bridge.js';
import { HealthController } from './health.controller.js';
import { IntakeToken } from './intake/intake-token.js';

/** What the bridge answers besides the intake; what is behind it is put together in `bridge.ts`. */
@Module({})
export class BridgeModule {
  static with(bridge: Bridge, token: IntakeToken): DynamicModule {
    return {
      module: BridgeModule,
      controllers: [HealthController],
      providers: [
        { provide: Bridge, useValue: bridge },
        { provide: IntakeToken, useValue: token },
      ],
    };
  }
}
