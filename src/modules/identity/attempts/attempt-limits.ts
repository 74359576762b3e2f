import { Inject, Injectable } from '@nestjs/common';
import { RateLimiterRedis, RateLimiterRes } from 'rate-limiter-flexible';
import { KeyedHash } from '../../../platform/crypto/index.ts';
import { redisKeys, RedisConnections } from '../../../platform/redis/index.ts';
import { type IdentityConfig, identityConfig } from '../identity.config.ts';
import { identityErrors } from '../identity.errors.ts';
import { addressGroup } from './address.ts';

interface Limit {
  name: string;
  quota: number;
  /** Seconds. */
  window: number;
  limiter: RateLimiterRedis;
}

const minute = 60;
const hour = 3_600;
const day = 86_400;
/** Longest that an address is kept from an e-mail. */
const longestBlockSeconds = 15 * minute;
/** How long an address is remembered from which somebody has signed in. */
const knownSeconds = 30 * day;

/**
 * How often somebody may try what anybody can try. Counted in Redis under keyed hashes, the same whether an account exists or
 * not. A limit that was hit is 429 with `Retry-After` and RateLimit headers; without Redis the answer is 503, never "go on".
 */
@Injectable()
export class AttemptLimits {
  private readonly signInAddress: Limit;
  private readonly signInPair: Limit;
  private readonly signInStrikes: Limit;
  private readonly signInAccount: Limit;
  private readonly signUpAddress: Limit;
  private readonly signUpEmail: Limit;
  private readonly mailAddress: Limit;
  private readonly mailAccount: Limit;
  private readonly ticketAddress: Limit;
  private readonly ticketCredential: Limit;
  private readonly oauthFromAddress: Limit;
  private readonly oauthOfClient: Limit;

  constructor(
    private readonly redis: RedisConnections,
    private readonly hash: KeyedHash,
    @Inject(identityConfig.token) config: IdentityConfig,
  ) {
    this.signInAddress = this.limit('sign-in-address', config.signInPerAddressPerMinute, minute);
    this.signInPair = this.limit('sign-in-pair', config.signInPerAccountPerMinute, minute);
    this.signInStrikes = this.limit('sign-in-strikes', Number.MAX_SAFE_INTEGER, day);
    this.signInAccount = this.limit('sign-in-account', config.signInPerAccountPerMinute, minute);
    this.signUpAddress = this.limit('sign-up-address', config.signUpPerAddressPerHour, hour);
    this.signUpEmail = this.limit('sign-up-email', config.signUpPerEmailPerHour, hour);
    this.mailAddress = this.limit('mail-address', config.mailsPerAddressPerHour, hour);
    this.mailAccount = this.limit('mail-account', config.mailsPerAccountPerHour, hour);
    this.ticketAddress = this.limit('ticket-address', config.ticketsPerAddressPerMinute, minute);
    this.ticketCredential = this.limit('ticket-credential', config.ticketsPerKeyPerMinute, minute);
    this.oauthFromAddress = this.limit('oauth-address', config.oauthPerAddressPerMinute, minute);
    this.oauthOfClient = this.limit('oauth-client', config.oauthPerClientPerMinute, minute);
  }

  /**
   * Counts a sign-in. `emailHash` is the keyed hash of the e-mail. Tries of one address on one e-mail come first, and make it wait longer each
   * time that they are used up. Those on an e-mail from all addresses count only for addresses from which nobody has signed in with it lately:
   * so whoever guesses from everywhere cannot keep out its owner, who comes from where they always come from (after OWASP's device cookies).
   */
  async signIn(address: string, emailHash: Buffer): Promise<void> {
    await this.consume(this.signInAddress, this.addressKey(address));
    const pair = this.pairKey(address, emailHash);
    await this.consume(this.signInPair, pair, () => this.backOff(pair));
    if (!(await this.isKnown(pair))) await this.consume(this.signInAccount, emailHash.toString('hex'));
  }

  /** Notes that somebody has signed in with this e-mail from there. */
  async signedIn(address: string, emailHash: Buffer): Promise<void> {
    const pair = this.pairKey(address, emailHash);
    await this.asked(async () => {
      await this.redis.commands.set(redisKeys.knownAddress(pair), '1', 'EX', knownSeconds);
      await this.signInStrikes.limiter.delete(pair);
    });
  }

  /** Counts a step of a single sign-on from an address, together with its sign-ins: who signs in is not known yet. */
  async singleSignOn(address: string): Promise<void> {
    await this.consume(this.signInAddress, this.addressKey(address));
  }

  /** Counts a sign-up. */
  async signUp(address: string, emailHash: Buffer): Promise<void> {
    await this.consume(this.signUpAddress, this.addressKey(address));
    await this.consume(this.signUpEmail, emailHash.toString('hex'));
  }

  /** Counts a mail that somebody asks for. `accountHash` is the keyed hash of the e-mail or the account. */
  async mail(address: string, accountHash: Buffer): Promise<void> {
    await this.consume(this.mailAddress, this.addressKey(address));
    await this.consume(this.mailAccount, accountHash.toString('hex'));
  }

  /** Counts a chat ticket asked with the API key or session `credentialId`. */
  async ticket(credentialId: string): Promise<void> {
    await this.consume(this.ticketCredential, credentialId);
  }

  /** Counts a chat ticket that a page at `address` asks for with a publishable key. */
  async ticketFromPage(address: string): Promise<void> {
    await this.consume(this.ticketAddress, this.addressKey(address));
  }

  /** Counts a request to the OAuth endpoints, before it is known which client it is. */
  async oauthAddress(address: string): Promise<void> {
    await this.consume(this.oauthFromAddress, this.addressKey(address));
  }

  /** Counts a request of an OAuth client that has proven itself. */
  async oauthClient(clientId: string): Promise<void> {
    await this.consume(this.oauthOfClient, clientId);
  }

  private limit(name: string, quota: number, window: number): Limit {
    const limiter = new RateLimiterRedis({
      storeClient: this.redis.commands,
      keyPrefix: redisKeys.attempts(name),
      points: quota,
      duration: window,
      rejectIfRedisNotReady: true,
    });
    return { name, quota, window, limiter };
  }

  private addressKey(address: string): string {
    return this.hash.of('address', addressGroup(address)).toString('hex');
  }

  private pairKey(address: string, emailHash: Buffer): string {
    return this.hash.of('address', addressGroup(address), emailHash).toString('hex');
  }

  private isKnown(pair: string): Promise<boolean> {
    return this.asked(async () => (await this.redis.commands.exists(redisKeys.knownAddress(pair))) > 0);
  }

  /** Blocks an address for an e-mail: a minute the first time, twice as long each further time that day. Gives the seconds. */
  private async backOff(pair: string): Promise<number> {
    const { consumedPoints } = await this.signInStrikes.limiter.consume(pair);
    const seconds = Math.min(minute * 2 ** (consumedPoints - 1), longestBlockSeconds);
    await this.signInPair.limiter.block(pair, seconds);
    return seconds;
  }

  private async asked<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw identityErrors.limitsUnavailable(error);
    }
  }

  /** `whenUsedUp` runs at the first refusal and gives the seconds to wait. */
  private async consume({ name, quota, window, limiter }: Limit, key: string, whenUsedUp?: () => Promise<number>): Promise<void> {
    try {
      await limiter.consume(key);
    } catch (refusal) {
      if (!(refusal instanceof RateLimiterRes)) throw identityErrors.limitsUnavailable(refusal);
      const first = whenUsedUp !== undefined && refusal.consumedPoints === quota + 1;
      const seconds = first ? await this.asked(whenUsedUp) : refusal.msBeforeNext / 1_000;
      throw identityErrors.tooManyAttempts({ name, quota, window, resetSeconds: Math.max(1, Math.ceil(seconds)) });
    }
  }
}
