/** The error body of the API, as far as the page shows it. */
export interface Problem {
  detail: string;
  code?: string | undefined;
  requestId?: string | undefined;
  status?: number | undefined;
  /** Messages of single fields. */
  fields?: string[] | undefined;
}

/** A refused call. `retryAfterMs` is set where waiting helps. */
export class ApiProblem extends Error {
  constructor(
    readonly problem: Problem,
    readonly retryAfterMs?: number,
  ) {
    super(problem.detail);
    this.name = 'ApiProblem';
  }
}

/** Reads an error body; `undefined` when it is not one. */
export function toProblem(value: unknown): Problem | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { detail, title, code, request_id, status, errors } = value as Record<string, unknown>;
  const text = typeof detail === 'string' ? detail : title;
  if (typeof text !== 'string') return undefined;
  return {
    detail: text,
    code: typeof code === 'string' ? code : undefined,
    requestId: typeof request_id === 'string' ? request_id : undefined,
    status: typeof status === 'number' ? status : undefined,
    fields: Array.isArray(errors) ? errors.flatMap(fieldMessage) : undefined,
  };
}

function fieldMessage(value: unknown): string[] {
  if (typeof value !== 'object' || value === null) return [];
  const { field, path, message, detail } = value as Record<string, unknown>;
  const name = field ?? (Array.isArray(path) ? path.join('.') : path);
  const text = message ?? detail;
  if (typeof text !== 'string') return [];
  return [typeof name === 'string' && name !== '' ? `${name}: ${text}` : text];
}

/** What to show for any thrown value. An error frame carries its problem as JSON text. */
export function problemOf(error: unknown): Problem {
  if (error instanceof ApiProblem) return error.problem;
  if (error instanceof Error) {
    const parsed = error.message.startsWith('{') ? toProblem(parseJson(error.message)) : undefined;
    return parsed ?? { detail: isNetworkFailure(error) ? 'The server cannot be reached.' : error.message };
  }
  return { detail: 'Something went wrong.' };
}

/** Whether an error means "the network", in the words of `fetch` and of the chat transport. */
export function isNetworkFailure(error: unknown): boolean {
  if (!(error instanceof TypeError)) return false;
  const text = error.message.toLowerCase();
  return text.includes('fetch') || text.includes('network') || text === 'load failed';
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
