import { z } from 'zod';
import { type ConfigValues, defineTopic, entry, setting } from '../config/index.ts';

/** Where the server listens and what it tells clients about itself. */
export const httpConfig = defineTopic('http', 'HTTP server', {
  port: entry('PORT', setting.int(0, 65_535).default(3000), 'Port to listen on; 0 takes a free one.'),
  host: entry('HOST', z.string().default('127.0.0.1'), 'Address to listen on; 0.0.0.0 for all.'),
  publicUrl: entry(
    'PUBLIC_URL',
    z.url({ protocol: /^https?$/ }).optional(),
    'URL under which clients reach this service, without a trailing slash; issuer of its tokens. Default: http://localhost:PORT.',
  ),
  trustProxy: entry(
    'TRUST_PROXY',
    setting.list().default([]),
    'Addresses or CIDR ranges of proxies whose X-Forwarded-For counts, comma separated. Empty: none, the peer address is the client.',
  ),
  bodyLimitBytes: entry(
    'BODY_LIMIT_BYTES',
    setting.int(1_024, 64 * 1024 * 1024).default(4 * 1024 * 1024),
    'Largest request body, in bytes.',
  ),
  metricsToken: entry(
    'METRICS_TOKEN',
    z.string().min(16).optional(),
    'Bearer token for /metrics. Without it /metrics answers only direct loopback callers.',
    {
      secret: true,
    },
  ),
  drainDelayMs: entry(
    'DRAIN_DELAY_MS',
    setting.int(0, 120_000).default(0),
    'How long to keep serving after SIGTERM while proxies notice, in milliseconds.',
  ),
  drainTimeoutMs: entry(
    'DRAIN_TIMEOUT_MS',
    setting.int(0, 600_000).default(10_000),
    'How long running turns may go on after that, in milliseconds.',
  ),
});

/** Values of the HTTP topic. */
export type HttpConfig = ConfigValues<typeof httpConfig>;

/** The service's own URL, without a trailing slash. */
export function publicUrlOf(config: HttpConfig): string {
  return (config.publicUrl ?? `http://localhost:${config.port}`).replace(/\/+$/, '');
}
