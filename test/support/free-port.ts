export { freePort } from '../../apps/standalone/free-port.js';
