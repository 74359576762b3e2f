import { portkeyProgram } from '../portkey.ts';
import type { StartedTarget } from '../stack.ts';
import { alternate, type Bench, verify } from './bench.ts';
import { type FirstTokenRound, firstTokenRound } from './first-token.ts';
import { type TokensRound, tokensRound } from './tokens.ts';
import { measureTrips, type Trips } from './trips.ts';

/** Rounds of all three, in turn. */
export type GatewayRounds<T> = Record<'parley' | 'relay' | 'portkey', T[]>;

/** What the measure of the gateways gives. */
export interface Gateway {
  tokens: GatewayRounds<TokensRound>;
  firstToken: GatewayRounds<FirstTokenRound>;
  trips: Trips;
  /** Wrong answers of the peer. */
  errorsOfPeer: number;
}

/** The same streams over OpenAI's API, as server-sent events, through the server, a bare relay and the peer; and the round trips of a turn. */
export async function measureGateway(bench: Bench): Promise<Gateway> {
  const { stack, workload } = bench;
  const program = await portkeyProgram(bench.say);
  const [relay, portkey] = await Promise.all([stack.startSseRelay(), stack.startPortkey(program)]);
  const targets = { parley: stack.overCompletions(bench.parley), relay, portkey };
  const { tokens, ttft, rounds: count } = workload.gateway;
  const sized: Bench = { ...bench, workload: { ...workload, tokens, ttft } };
  const streams = (target: StartedTarget, tag: string) => tokensRound(sized, target, tag);
  const probes = (target: StartedTarget, tag: string) => firstTokenRound(sized, target, tag, ttft.lightMs);
  try {
    for (const target of Object.values(targets)) await greet(sized, target);
    return {
      tokens: await alternate(sized, { name: 'gateway-tokens', count, targets, round: streams, warm: streams }),
      firstToken: await alternate(sized, { name: 'gateway-ttft', count, targets, round: probes, warm: probes }),
      trips: await measureTrips(bench),
      errorsOfPeer: bench.tally.errorsOfPeer,
    };
  } finally {
    await Promise.all([relay.stop(), portkey.stop()]);
  }
}

/** Over how long the visitors come, in milliseconds. */
const greetMs = 4_000;

/** Every visitor asks once: the server makes visitors at their first request, where sockets make them when they open. */
export async function greet(bench: Bench, target: StartedTarget): Promise<void> {
  const { load, workload } = bench;
  bench.say(`gateway: first requests, ${target.name}`);
  await load.open(target, { count: workload.tokens.streams });
  const answers = await load.drive({
    tag: `greet-${target.name}`,
    script: { tokens: 1, tokens_per_second: 0, first_token_ms: 0 },
    spreadMs: greetMs,
    pauseMs: 0,
    forMs: 0,
    turnsPerConversation: 1,
    answerLimitMs: 30_000,
  });
  await load.close();
  await verify(bench, target, answers, () => 1);
}
