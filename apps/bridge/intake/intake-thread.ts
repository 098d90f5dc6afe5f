import { workerData } from 'node:worker_threads';
import { giveBackMemory } from '#runtime/idle-memory.js';
import { IntakeServer, type IntakeServerOptions } from './intake-server.js';

/** Runs in a thread of its own and ends when the server has stopped. */

// 5 MB of what loading took. Before the server starts: the main thread, which waits for it, must not do the same at the same time.
giveBackMemory();
new IntakeServer(workerData as IntakeServerOptions);
