import { connect } from 'node:net';
import { text } from 'node:stream/consumers';

/** A request exactly as it goes over the wire: nothing is corrected, escaped or added but `Connection: close`. */
export interface RawRequest {
  method?: string;
  path?: string;
  headers?: string[];
  body?: Buffer | string;
}

/** An answer, with its body as text. */
export interface RawAnswer {
  status: number;
  headers: Record<string, string>;
  body: string;
}

/** Sends bytes to `http://host:port` and reads what comes until the server closes. */
export async function rawRequest(url: string, { method = 'GET', path = '/', headers = [], body }: RawRequest): Promise<RawAnswer> {
  const { hostname, port } = new URL(url);
  const bytes = Buffer.from(body ?? '');
  const lines = [`${method} ${path} HTTP/1.1`, `Host: ${hostname}`, 'Connection: close', ...headers];
  if (body !== undefined && !headers.some((line) => /^(content-length|transfer-encoding):/i.test(line)))
    lines.push(`Content-Length: ${bytes.length}`);
  const socket = connect(Number(port), hostname);
  socket.setTimeout(10_000, () => socket.destroy(new Error('no answer')));
  // A server that refuses early resets what we still send; its answer counts.
  socket.on('error', () => undefined);
  socket.write(Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1'), bytes]));
  const whole = await text(socket).catch(() => '');
  return parse(whole);
}

function parse(whole: string): RawAnswer {
  const end = whole.indexOf('\r\n\r\n');
  const [statusLine = '', ...lines] = whole.slice(0, end === -1 ? undefined : end).split('\r\n');
  const headers = Object.fromEntries(
    lines.map((line) => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
    }),
  );
  const body = end === -1 ? '' : whole.slice(end + 4);
  const chunked = headers['transfer-encoding'] === 'chunked';
  return { status: Number(statusLine.split(' ')[1] ?? 0), headers, body: chunked ? body.replace(/(?:^|\r\n)[0-9a-f]+\r\n/gi, '') : body };
}
