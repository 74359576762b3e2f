import { z } from 'zod';

const TextPart = z.looseObject({ type: z.literal('text'), text: z.string() });
const Content = z.union([z.string(), z.array(TextPart).max(1_000)]);

const Message = z.discriminatedUnion('role', [
  z.looseObject({ role: z.enum(['system', 'developer']), content: Content }),
  z.looseObject({ role: z.literal('user'), content: Content }),
  z.looseObject({ role: z.literal('assistant'), content: Content.nullish() }),
]);

/** Body of OpenAI's "create chat completion", as far as it means something here. Other members are ignored. */
export const CreateChatCompletion = z
  .looseObject({
    model: z.string().min(1).max(100).meta({ description: 'Id of a bot.' }),
    messages: z.array(Message).min(1).max(2_000),
    stream: z.boolean().nullish(),
    stream_options: z.looseObject({ include_usage: z.boolean().optional() }).nullish(),
    temperature: z.number().min(0).max(2).nullish(),
    top_p: z.number().min(0).max(1).nullish(),
    max_tokens: z.int().min(1).max(1_000_000).nullish(),
    max_completion_tokens: z.int().min(1).max(1_000_000).nullish(),
    n: z.literal(1).nullish(),
    user: z.string().min(1).max(200).nullish(),
    metadata: z.record(z.string(), z.string().max(500)).nullish(),
  })
  .meta({ id: 'CreateChatCompletion' });
/** A completion request, validated. */
export type CreateChatCompletion = z.output<typeof CreateChatCompletion>;

const Usage = z.object({ prompt_tokens: z.int(), completion_tokens: z.int(), total_tokens: z.int() });

/** OpenAI's chat completion. */
export const ChatCompletion = z
  .object({
    id: z.string(),
    object: z.literal('chat.completion'),
    created: z.int(),
    model: z.string(),
    choices: z.array(
      z.object({
        index: z.int(),
        message: z.object({ role: z.literal('assistant'), content: z.string(), refusal: z.null() }),
        logprobs: z.null(),
        finish_reason: z.string(),
      }),
    ),
    usage: Usage,
  })
  .meta({ id: 'ChatCompletion' });

/** OpenAI's model; here, a bot. */
export const ModelResponse = z
  .object({ id: z.string(), object: z.literal('model'), created: z.int(), owned_by: z.string(), name: z.string() })
  .meta({ id: 'Model' });

/** OpenAI's list of models. */
export const ModelListResponse = z.object({ object: z.literal('list'), data: z.array(ModelResponse) }).meta({ id: 'ModelList' });

/** The text of a message's content. */
export function contentText(content: z.output<typeof Content> | null | undefined): string {
  if (typeof content === 'string') return content;
  return (content ?? []).map((part) => part.text).join('');
}
