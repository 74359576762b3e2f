import { z } from 'zod';
import { type ConfigValues, defineTopic, entry } from '../config/index.ts';

/** What the service writes about itself. */
export const telemetryConfig = defineTopic('telemetry', 'Logs', {
  logLevel: entry(
    'LOG_LEVEL',
    z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']).default('info'),
    'Least level that is logged.',
  ),
});

/** Values of the logs topic. */
export type TelemetryConfig = ConfigValues<typeof telemetryConfig>;
