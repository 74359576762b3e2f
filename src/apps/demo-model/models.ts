import { ApiError } from './api-error.ts';

/** A model that this server plays. */
export interface DemoModel {
  id: string;
  kind: 'chat' | 'embedding';
  /** Tokens of prompt and answer together. */
  window: number;
}

export const models: readonly DemoModel[] = [
  { id: 'demo-small', kind: 'chat', window: 8192 },
  { id: 'demo-large', kind: 'chat', window: 131_072 },
  { id: 'demo-embed', kind: 'embedding', window: 8192 },
];

/** The model, or OpenAI's 404; a model of the other kind is a 400. */
export function findModel(id: string, kind?: DemoModel['kind']): DemoModel {
  const model = models.find((candidate) => candidate.id === id);
  if (model === undefined) {
    throw new ApiError(404, 'model_not_found', `The model \`${id.slice(0, 200)}\` does not exist or you do not have access to it.`, {
      param: 'model',
    });
  }
  if (kind !== undefined && model.kind !== kind) {
    throw new ApiError(400, 'model_not_supported', `The model \`${id}\` is no ${kind} model.`, { param: 'model' });
  }
  return model;
}

/** The model as `GET /v1/models/{id}` shows it. */
export function toModelResponse(model: DemoModel): Record<string, unknown> {
  return { id: model.id, object: 'model', created: 1_767_225_600, owned_by: 'parley-demo', max_model_len: model.window };
}
