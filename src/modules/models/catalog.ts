/** What is known of a model by its name. */
interface KnownModel {
  /** Beginning of the name. */
  prefix: string;
  /** Context window, in tokens. */
  window: number;
  /** Who serves it can go on from a given text (`continue_final_message`). Said only where it is so wherever the model runs. */
  continues?: true;
}

/** Longest beginning first. From the providers' public model pages; what is missing takes what is configured. */
const known: KnownModel[] = [
  { prefix: 'demo-small', window: 8_192, continues: true },
  { prefix: 'demo-large', window: 131_072, continues: true },
  { prefix: 'gpt-4.1', window: 1_047_576 },
  { prefix: 'gpt-4o', window: 128_000 },
  { prefix: 'gpt-4-turbo', window: 128_000 },
  { prefix: 'gpt-4', window: 8_192 },
  { prefix: 'gpt-5', window: 400_000 },
  { prefix: 'o3', window: 200_000 },
  { prefix: 'o4-mini', window: 200_000 },
];

/** Context window of a model in tokens, or `fallback` when the catalog does not know it. */
export function contextWindowOf(model: string, fallback: number): number {
  return find(model)?.window ?? fallback;
}

/**
 * Whether calls of a model may go on from a given text. `declared` is the operator's list of names, `*` for all of them,
 * and stands above the catalog; undefined leaves it to the catalog.
 */
export function continuesPrefix(model: string, declared: readonly string[] | undefined): boolean {
  if (declared === undefined) return find(model)?.continues === true;
  return declared.includes('*') || declared.includes(model);
}

function find(model: string): KnownModel | undefined {
  return known.find(({ prefix }) => model.startsWith(prefix));
}
