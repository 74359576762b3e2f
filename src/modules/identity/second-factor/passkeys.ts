import { Inject, Injectable } from '@nestjs/common';
import { KeyedHash } from '../../../platform/crypto/index.ts';
import { type HttpConfig, httpConfig, publicUrlOf } from '../../../platform/http/index.ts';
import { redisKeys, RedisConnections } from '../../../platform/redis/index.ts';
import type { StoredPasskey } from './factor-secrets.ts';
import type { GivenPasskey } from './second-factor.schemas.ts';

/** Loaded where it is used: most processes never see a passkey. */
const webAuthn = () => import('@simplewebauthn/server');

/** What a challenge is for; one for another purpose or person does not count. */
export type ChallengePurpose = `add:${string}` | `prove:${string}` | 'sign-in';

/** How long a person may take, in seconds. */
const challengeSeconds = 300;

/**
 * WebAuthn (level 3) by @simplewebauthn/server: passkeys that their device keeps and unlocks for its owner alone (user verification), for
 * the host of PUBLIC_URL. A challenge is ours, for one purpose, and good once.
 */
@Injectable()
export class Passkeys {
  private readonly origin: string;
  private readonly host: string;

  constructor(
    private readonly redis: RedisConnections,
    private readonly hash: KeyedHash,
    @Inject(httpConfig.token) http: HttpConfig,
  ) {
    const url = new URL(publicUrlOf(http));
    [this.origin, this.host] = [url.origin, url.hostname];
  }

  /** What a browser needs to make a passkey. */
  async creationOptions(purpose: ChallengePurpose, user: { handle: Uint8Array<ArrayBuffer>; name: string }, known: StoredPasskey[]) {
    const options = await (
      await webAuthn()
    ).generateRegistrationOptions({
      rpName: 'Parley',
      rpID: this.host,
      userName: user.name,
      userID: user.handle,
      attestationType: 'none',
      excludeCredentials: known.map(({ id }) => ({ id })),
      authenticatorSelection: { residentKey: 'required', userVerification: 'required' },
    });
    await this.remember(purpose, options.challenge);
    return { ...options };
  }

  /** What a browser needs to have a passkey sign; any that its owner has for this host when none are named. */
  async requestOptions(purpose: ChallengePurpose, known: StoredPasskey[] = []) {
    const options = await (
      await webAuthn()
    ).generateAuthenticationOptions({
      rpID: this.host,
      userVerification: 'required',
      allowCredentials: known.map(({ id }) => ({ id })),
    });
    await this.remember(purpose, options.challenge);
    return { ...options };
  }

  /** A passkey that has just been made; undefined for what does not count. */
  async made(purpose: ChallengePurpose, given: GivenPasskey): Promise<(StoredPasskey & { count: number }) | undefined> {
    const challenge = await this.taken(purpose, given);
    const { clientDataJSON, attestationObject } = given.response;
    if (challenge === undefined || attestationObject === undefined) return undefined;
    try {
      const { verified, registrationInfo } = await (
        await webAuthn()
      ).verifyRegistrationResponse({
        response: { ...credentialOf(given), response: { clientDataJSON, attestationObject } },
        expectedChallenge: challenge,
        expectedOrigin: this.origin,
        expectedRPID: this.host,
        requireUserVerification: true,
      });
      if (!verified) return undefined;
      const { credential } = registrationInfo;
      return { id: credential.id, publicKey: Buffer.from(credential.publicKey).toString('base64url'), count: credential.counter };
    } catch {
      return undefined;
    }
  }

  /** How often a passkey's device has signed, once its signature was found right; undefined for one that does not count. */
  async signed(purpose: ChallengePurpose, given: GivenPasskey, known: StoredPasskey): Promise<number | undefined> {
    const challenge = await this.taken(purpose, given);
    const { clientDataJSON, authenticatorData, signature } = given.response;
    if (challenge === undefined || given.id !== known.id || authenticatorData === undefined || signature === undefined) return undefined;
    try {
      const { verified, authenticationInfo } = await (
        await webAuthn()
      ).verifyAuthenticationResponse({
        response: { ...credentialOf(given), response: { clientDataJSON, authenticatorData, signature } },
        expectedChallenge: challenge,
        expectedOrigin: this.origin,
        expectedRPID: this.host,
        requireUserVerification: true,
        // What the counter says is compared in the database, where nobody is overtaken.
        credential: { id: known.id, publicKey: Uint8Array.from(Buffer.from(known.publicKey, 'base64url')), counter: 0 },
      });
      return verified ? authenticationInfo.newCounter : undefined;
    } catch {
      return undefined;
    }
  }

  private async remember(purpose: ChallengePurpose, challenge: string): Promise<void> {
    await this.redis.commands.set(this.keyOf(challenge), this.purposeOf(purpose), 'EX', challengeSeconds);
  }

  /** The challenge that a credential answers, used up now; undefined unless it is one of ours for this purpose. */
  private async taken(purpose: ChallengePurpose, { response }: GivenPasskey): Promise<string | undefined> {
    const challenge = challengeIn(response.clientDataJSON);
    if (challenge === undefined) return undefined;
    const kept = await this.redis.commands.getdel(this.keyOf(challenge));
    return kept === this.purposeOf(purpose) ? challenge : undefined;
  }

  private keyOf(challenge: string): string {
    return redisKeys.secondStep('challenge', this.hash.of('second-step', 'challenge', challenge).toString('hex'));
  }

  private purposeOf(purpose: ChallengePurpose): string {
    return this.hash.of('second-step', 'purpose', purpose).toString('hex');
  }
}

function credentialOf({ id }: GivenPasskey) {
  return { id, rawId: id, type: 'public-key' as const, clientExtensionResults: {} };
}

function challengeIn(clientData: string): string | undefined {
  try {
    const { challenge } = JSON.parse(Buffer.from(clientData, 'base64url').toString()) as { challenge?: unknown };
    return typeof challenge === 'string' && challenge.length <= 200 ? challenge : undefined;
  } catch {
    return undefined;
  }
}
