import { workerData } from 'node:worker_threads';
import { IntakeServer, type IntakeServerOptions } from './intake-server.js';

/** Runs in a thread of its own and ends when the server has stopped. */
new IntakeServer(workerData as IntakeServerOptions);
