import { z } from 'zod';
import { analyzeInjectionInTurns, type InjectionAnalysis, injectionThresholds } from './analyze-injection.ts';

/** A host, or all below one. */
const Host = z
  .string()
  .max(253)
  .regex(
    /^(?:\*\.)?(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9-]{2,63}$/,
    'must be a host such as img.example.com or *.example.com',
  );

/** What a bot does about attacks on its instructions. */
export const InjectionPolicy = z
  .strictObject({
    /** `flag` counts and logs attacks, `block` refuses them, `off` looks for none and lets answers repeat the instructions. */
    policy: z.enum(['off', 'flag', 'block']).default('flag'),
    /** Score from which a message is an attack. */
    threshold: z.number().min(0.05).max(1).default(injectionThresholds.attack),
    /** Hosts whose pictures answers may show, and that they may link to with data; `*.example.com` are all below it. */
    allowed_image_hosts: z.array(Host).max(100).default([]),
  })
  .meta({ id: 'InjectionPolicy' });
/** A bot's policy on attacks. */
export type InjectionPolicy = z.output<typeof InjectionPolicy>;

/** The policy of a bot that names none. */
export const defaultInjectionPolicy: InjectionPolicy = InjectionPolicy.parse({});

/** Most of what callers send of a conversation that is read, in UTF-16 code units: the newest. */
const mostRead = 65_536;

/** Judges what somebody wants to send, newest text first, and gives the worst; undefined where the policy looks for nothing. */
export async function judgeSend(texts: readonly string[], { policy, threshold }: InjectionPolicy): Promise<InjectionAnalysis | undefined> {
  if (policy === 'off') return undefined;
  let worst: InjectionAnalysis | undefined;
  let left = mostRead;
  for (const text of texts) {
    if (left <= 0 && worst !== undefined) break;
    const analysis = await analyzeInjectionInTurns(worst === undefined ? text : text.slice(0, left), threshold);
    left -= text.length;
    if (worst === undefined || analysis.score > worst.score) worst = analysis;
  }
  return worst;
}
