export { createPino, PinoLogger, type RequestContext, requestContext, type RequestOrigin } from './logger.ts';
export { metrics, metricsRegistry } from './metrics.ts';
export { safeError } from './safe-error.ts';
export { type TelemetryConfig, telemetryConfig } from './telemetry.config.ts';
