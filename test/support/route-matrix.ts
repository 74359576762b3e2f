import type { OpenAPIObject } from '@nestjs/swagger';
import { comparable, problemFaults } from './problem-check.ts';
import { exampleOf, type JsonSchema, type Schemas } from './schema-example.ts';
import type { Answer, CallOptions } from './stack.ts';

/** One operation of the OpenAPI document. */
export interface Route {
  /** `GET /v1/bots/{id}`. */
  name: string;
  method: string;
  path: string;
  /** Undefined = public. */
  permission: string | undefined;
  parameters: { name: string; in: string }[];
  body: JsonSchema | undefined;
}

/** The ids that stand for one kind of thing in a path. */
export interface PathIds {
  /** Makes a thing of the caller's own. */
  own: () => Promise<string>;
  foreign: string;
  missing: string;
  /** Ids that cannot exist; empty where clients choose their own. */
  malformed: string[];
}

/** Everything that the matrix needs to know about a server. */
export interface MatrixTarget {
  routes: Route[];
  schemas: Schemas;
  request: (method: string, path: string, options?: CallOptions) => Promise<Answer>;
  /** By what precedes the parameter in the path. */
  ids: Record<string, PathIds>;
  /** Query values by parameter name. */
  query: Record<string, string>;
  /** Bodies by route name, where the schema does not say enough. */
  bodies: Record<string, unknown>;
  /** Texts of the other tenant that no answer may hold. */
  foreignTexts: string[];
}

interface Operation {
  security?: unknown[];
  parameters?: { name: string; in: string }[];
  requestBody?: { content: Record<string, { schema: JsonSchema }> };
  'x-permission'?: string;
}

/** Every operation of a document. */
export function routesOf(document: OpenAPIObject): Route[] {
  return Object.entries(document.paths).flatMap(([path, operations]) =>
    Object.entries(operations as Record<string, Operation>).map(([verb, operation]) => {
      const method = verb.toUpperCase();
      return {
        name: `${method} ${path}`,
        method,
        path,
        permission: (operation.security ?? []).length === 0 ? undefined : operation['x-permission'],
        parameters: operation.parameters ?? [],
        body: operation.requestBody?.content['application/json']?.schema,
      };
    }),
  );
}

/** Routes that refuse less than they should for this credential: each must answer `expected` with the error body. */
export async function badRefusals(target: MatrixTarget, routes: Route[], token: string | undefined, expected: number): Promise<string[]> {
  const findings: string[] = [];
  for (const route of routes) {
    const path = pathFor(target, route, (ids) => ids.missing);
    const answer = await call(target, route, path, token);
    if (answer.status !== expected) findings.push(`${route.name}: ${answer.status} instead of ${expected}`);
    findings.push(...faultsOf(target, route.name, path, answer));
  }
  return findings;
}

/** Routes with ids in their path that tell a foreign thing from a missing one, or give it away. */
export async function tenantLeaks(target: MatrixTarget, token: string): Promise<string[]> {
  const findings: string[] = [];
  for (const route of target.routes.filter(({ path }) => path.includes('{'))) {
    const { malformed } = idsOf(target, route);
    const missing = await call(
      target,
      route,
      pathFor(target, route, (ids) => ids.missing),
      token,
    );
    if (missing.status !== 404) findings.push(`${route.name}: ${missing.status} for a missing id`);
    const tries: [what: string, id: string][] = [
      ['a foreign id', idsOf(target, route).foreign],
      ...malformed.map((id): [string, string] => [JSON.stringify(id), id]),
    ];
    for (const [what, id] of tries) {
      const path = pathFor(target, route, () => encodeURIComponent(id));
      const answer = await call(target, route, path, token);
      if (answer.status !== 404) findings.push(`${route.name}: ${answer.status} for ${what}`);
      else if (comparable(answer.body) !== comparable(missing.body)) findings.push(`${route.name}: another body for ${what}`);
      findings.push(...faultsOf(target, route.name, path, answer));
    }
    // Without this the refusals above could come from a broken request.
    const own = await idsOf(target, route).own();
    const control = await call(
      target,
      route,
      pathFor(target, route, () => own),
      token,
    );
    // A made-up code of an authenticator app is refused, once the app was found.
    if (control.status >= 300 && control.body?.code !== 'second_factor_refused')
      findings.push(`${route.name}: ${control.status} for an id of the caller's own`);
  }
  return findings;
}

/** A whole call of a route with the smallest valid body. */
export function call(target: MatrixTarget, route: Route, path: string, token: string | undefined): Promise<Answer> {
  const body = target.bodies[route.name] ?? (route.body === undefined ? undefined : exampleOf(route.body, target.schemas));
  return target.request(route.method, path, { ...(token === undefined ? {} : { token }), ...(body === undefined ? {} : { body }) });
}

/** The path of a route with its ids and the known query values filled in. */
export function pathFor(target: MatrixTarget, route: Route, choose: (ids: PathIds) => string): string {
  const path = route.path.replace(/\{[^}]+\}/, () => choose(idsOf(target, route)));
  const known = route.parameters.filter((parameter) => parameter.in === 'query' && target.query[parameter.name] !== undefined);
  const query = known.map(({ name }) => `${name}=${encodeURIComponent(target.query[name] as string)}`).join('&');
  return query === '' ? path : `${path}?${query}`;
}

function idsOf(target: MatrixTarget, route: Route): PathIds {
  const [before = '', ...rest] = route.path.split('/{');
  const ids = target.ids[before];
  if (ids === undefined || rest.length !== 1) throw new Error(`${route.name}: say in the test what the ids of this path are`);
  return ids;
}

function faultsOf(target: MatrixTarget, name: string, path: string, answer: Answer): string[] {
  const text = JSON.stringify(answer.body);
  const leaked = target.foreignTexts.filter((foreign) => text.includes(foreign)).map((foreign) => `${name}: the answer holds ${foreign}`);
  if (answer.status < 400) return leaked;
  const checked = {
    status: answer.status,
    contentType: answer.headers.get('content-type'),
    requestId: answer.headers.get('x-request-id'),
    body: answer.body as unknown,
  };
  return [...leaked, ...problemFaults(checked, path.replace(/\?.*/, '')).map((fault) => `${name}: ${fault}`)];
}
