import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';

/** Every metric of this process. Names follow OpenTelemetry and Prometheus: unit in the name, `_total` for counters. */
export const metricsRegistry = new Registry();

collectDefaultMetrics({ register: metricsRegistry });

const registers = [metricsRegistry];

/** What operators watch. Labels have few values: never a tenant, an id or content. */
export const metrics = {
  httpRequests: new Histogram({
    name: 'http_server_request_duration_seconds',
    help: 'HTTP requests by method, route and status.',
    labelNames: ['method', 'route', 'status'],
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    registers,
  }),
  openSockets: new Gauge({ name: 'parley_chat_sockets', help: 'Open chat sockets.', registers }),
  socketsClosed: new Counter({
    name: 'parley_chat_sockets_closed_total',
    help: 'Closed chat sockets by close code.',
    labelNames: ['code'],
    registers,
  }),
  runningTurns: new Gauge({ name: 'parley_turns_running', help: 'Turns that run on this replica.', registers }),
  turnsFinished: new Counter({ name: 'parley_turns_finished_total', help: 'Finished turns by state.', labelNames: ['state'], registers }),
  turnSeconds: new Histogram({
    name: 'parley_turn_duration_seconds',
    help: 'Time from claim to finish.',
    buckets: [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300],
    registers,
  }),
  firstChunkSeconds: new Histogram({
    name: 'parley_turn_first_text_seconds',
    help: 'Time from claim to the first text.',
    buckets: [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
    registers,
  }),
  queuedTurns: new Gauge({ name: 'parley_turn_queue_depth', help: 'Turns that wait for a free place, over all replicas.', registers }),
  oldestQueuedSeconds: new Gauge({
    name: 'parley_turn_queue_oldest_seconds',
    help: 'How long the oldest of them has waited.',
    registers,
  }),
  dequeuedTurns: new Counter({ name: 'parley_turn_queue_taken_total', help: 'Waiting turns that this replica has taken up.', registers }),
  retriedTurns: new Counter({ name: 'parley_turn_queue_retries_total', help: 'Turns that were put back to be tried again.', registers }),
  givenUpTurns: new Gauge({ name: 'parley_turn_queue_given_up', help: 'Turns that were given up and wait for an operator.', registers }),
  queuedJobs: new Gauge({ name: 'parley_job_queue_depth', help: 'Jobs that wait or run, over all replicas.', registers }),
  oldestJobSeconds: new Gauge({ name: 'parley_job_queue_oldest_seconds', help: 'Age of the oldest of them.', registers }),
  givenUpJobs: new Gauge({ name: 'parley_job_queue_given_up', help: 'Jobs that were given up and wait for an operator.', registers }),
  modelCalls: new Counter({ name: 'parley_model_calls_total', help: 'Model calls by outcome.', labelNames: ['outcome'], registers }),
  modelTokens: new Counter({ name: 'parley_model_tokens_total', help: 'Tokens by direction.', labelNames: ['direction'], registers }),
  keysInMemory: new Gauge({ name: 'parley_keys_in_memory', help: 'Unwrapped keys that this replica holds.', registers }),
  keyJobs: new Gauge({ name: 'parley_key_jobs_running', help: 'Jobs with keys that are not finished, over all replicas.', registers }),
  keyJobRows: new Gauge({ name: 'parley_key_jobs_rows', help: 'Rows that those have looked at.', registers }),
  logAppends: new Counter({
    name: 'parley_turn_log_appends_total',
    help: 'Batches appended to turn logs by outcome.',
    labelNames: ['outcome'],
    registers,
  }),
  injectionVerdicts: new Counter({
    name: 'parley_injection_verdicts_total',
    help: 'Messages that were judged for attacks on instructions, by verdict and policy.',
    labelNames: ['verdict', 'policy'],
    registers,
  }),
  withheldAnswers: new Counter({
    name: 'parley_answers_withheld_total',
    help: 'Answers that were cut since they gave away their instructions or blocked personal data, by what found it.',
    labelNames: ['by'],
    registers,
  }),
  jobs: new Counter({ name: 'parley_jobs_total', help: 'Jobs by name and outcome.', labelNames: ['job', 'outcome'], registers }),
} as const;
