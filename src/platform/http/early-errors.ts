import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { newPublicId } from '../../kernel/ids.ts';
import { problemHeaders, toAppError, toProblem } from './problem.ts';
import { pathOf } from './problem.filter.ts';

const contentType = 'application/problem+json; charset=utf-8';

/** Answers what the router refuses before any handler is chosen (an undecodable URL, an endless parameter) with the one error body. */
export function frameworkErrors(thrown: unknown, request: FastifyRequest, reply: FastifyReply): void {
  const error = toAppError(thrown);
  void reply
    .status(error.status)
    .headers({ ...problemHeaders(error), 'content-type': contentType, 'x-request-id': request.id })
    .send(JSON.stringify(toProblem(error, pathOf(request.url), request.id)));
}

/** The part of a socket that an answer needs. */
interface ClientSocket {
  destroyed: boolean;
  writable: boolean;
  write(text: string): unknown;
  destroy(): unknown;
}

const parserStatus: Record<string, number> = {
  HPE_HEADER_OVERFLOW: 431,
  ERR_HTTP_REQUEST_TIMEOUT: 408,
  HPE_CHUNK_EXTENSIONS_OVERFLOW: 413,
};

/** Answers bytes that are no HTTP request with the one error body, and hangs up. */
export function clientErrorHandler(thrown: Error & { code?: string }, socket: ClientSocket): void {
  if (thrown.code === 'ECONNRESET' || socket.destroyed) return;
  const error = toAppError({ statusCode: parserStatus[thrown.code ?? ''] ?? 400 });
  const requestId = newPublicId('request');
  const problem = toProblem(error, '/', requestId);
  const body = JSON.stringify(problem);
  const lines = [
    `HTTP/1.1 ${problem.status} ${problem.title}`,
    `content-type: ${contentType}`,
    `content-length: ${Buffer.byteLength(body)}`,
    `x-request-id: ${requestId}`,
    'connection: close',
  ];
  if (socket.writable) socket.write(`${lines.join('\r\n')}\r\n\r\n${body}`);
  socket.destroy();
}

/** Lets requests with an `Expect` that we do not know be answered like any other (RFC 9110 section 10.1.1 permits that). */
export function ignoreUnknownExpectations(server: Server): void {
  server.on('checkExpectation', (request: IncomingMessage, response: ServerResponse) => server.emit('request', request, response));
}
