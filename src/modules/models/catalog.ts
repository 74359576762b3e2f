/**
 * Context windows in tokens by beginning of the model's name, longest beginning first. From the providers' public model
 * pages; what is missing takes the configured window.
 */
const windows: [prefix: string, tokens: number][] = [
  ['demo-small', 8_192],
  ['demo-large', 131_072],
  ['gpt-4.1', 1_047_576],
  ['gpt-4o', 128_000],
  ['gpt-4-turbo', 128_000],
  ['gpt-4', 8_192],
  ['gpt-5', 400_000],
  ['o3', 200_000],
  ['o4-mini', 200_000],
];

/** Context window of a model in tokens, or `fallback` when the catalog does not know it. */
export function contextWindowOf(model: string, fallback: number): number {
  return windows.find(([prefix]) => model.startsWith(prefix))?.[1] ?? fallback;
}
