import type { SimulatedTarget } from './simulated-targets.js';

/** Metrics version 2 of MinIO, those about events and the one that tells a restart. */
export function writeMetrics(path: string, state: { readonly startedAt: number; readonly skipped: number; readonly targets: readonly SimulatedTarget[] }): string {
  if (path.endsWith('/node')) return '';
  const started = metric('minio_node_process_starttime_seconds', '', (state.startedAt / 1_000).toExponential(10));
  const perTarget = state.targets.map((target) => {
    const labels = `,target_id="${target.id}",target_name="webhook"`;
    return (
      metric('minio_notify_target_failed_events', labels, target.failed) +
      metric('minio_notify_target_queue_length', labels, target.queueLength) +
      metric('minio_notify_target_total_events', labels, target.total)
    );
  });
  return started + metric('minio_notify_events_skipped_total', '', state.skipped) + perTarget.join('');
}

function metric(name: string, labels: string, value: number | string): string {
  return `# HELP ${name} As a store writes it.\n# TYPE ${name} gauge\n${name}{server="127.0.0.1:9000"${labels}} ${value}\n`;
}
