import { Module, type DynamicModule } from '@nestjs/common';
import { Bridge } from './bridge.js';
import { HealthController } from './health.controller.js';
import { IntakeController } from './intake.controller.js';
import { IntakeToken } from './intake-token.js';

/** The HTTP side of the bridge; what is behind it is put together in `bridge.ts`. */
@Module({})
export class BridgeModule {
  static with(bridge: Bridge, token: IntakeToken): DynamicModule {
    return {
      module: BridgeModule,
      controllers: [IntakeController, HealthController],
      providers: [
        { provide: Bridge, useValue: bridge },
        { provide: IntakeToken, useValue: token },
      ],
    };
  }
}
