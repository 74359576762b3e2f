export { Access, type AccessRule, accessRuleOf, Caller, callerHolder, type PrincipalHolder } from './access.ts';
export { type HttpConfig, httpConfig, publicUrlOf } from './http.config.ts';
export { IdempotencyInterceptor, OwnIdempotency } from './idempotency.ts';
export { Answers, ProblemSchema, zodToOpenApi } from './openapi.ts';
export { pageOf, PageQuery, toPage } from './page.ts';
export { type Problem, problemHeaders, toAppError, toProblem } from './problem.ts';
export { pathOf, ProblemFilter } from './problem.filter.ts';
export { requestIdOf } from './request-id.ts';
export { invalidInput, validationPipe } from './validation.ts';
