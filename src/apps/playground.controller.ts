import { Controller, Get, Inject } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import { commonErrors } from '../kernel/app-error.ts';
import { Access } from '../platform/http/index.ts';
import { type ProcessConfig, processConfig } from './topics.ts';

/** Tells the playground which demo it may offer. */
@ApiExcludeController()
@Controller()
export class PlaygroundController {
  constructor(@Inject(processConfig.token) private readonly config: ProcessConfig) {}

  /** The demo's publishable key and bot; 404 when the operator has configured none. */
  @Get('playground.json')
  @Access('public')
  demo() {
    const { playgroundKey, playgroundBot } = this.config;
    if (playgroundKey === undefined || playgroundBot === undefined) throw commonErrors.notFound('demo');
    return { object: 'playground_demo' as const, publishable_key: playgroundKey, bot_id: playgroundBot };
  }
}
