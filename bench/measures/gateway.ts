import { portkeyProgram } from '../portkey.ts';
import type { StartedTarget } from '../stack.ts';
import { alternate, type Bench } from './bench.ts';
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
