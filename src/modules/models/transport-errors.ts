/** Codes of Node and undici for a connection that never came about. */
const noConnection = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH', 'UND_ERR_CONNECT_TIMEOUT']);

/** True when no connection came about, so that no request can have arrived. */
export function neverReached(cause: unknown): boolean {
  const code = cause instanceof Error ? (cause as { code?: unknown }).code : undefined;
  return typeof code === 'string' && noConnection.has(code);
}

/** True for the time-outs of Node, undici and the clients. */
export function isTimeout(cause: unknown): boolean {
  return cause instanceof Error && /Timeout/.test(cause.name);
}

/**
 * Whether an error status says that nothing was generated. Those of a gateway that gave up on the model behind it do not say so: the
 * model may have worked, and may be paid. 520 to 524 are Cloudflare's.
 */
export function servedNothing(status: number | undefined): boolean {
  if (status === undefined || status < 400) return false;
  return status !== 408 && status !== 502 && status !== 504 && !(status >= 520 && status <= 524);
}
