/**
 * What users hold of a subscriber: the interface alone; `subscriber.ts` is the implementation.
 */
import type { Observable } from 'rxjs'
import type { Schema } from '../../src/avro/index.js'
import type { WaitOptions } from '../../src/lifecycle/index.js'
import type { Resource } from '../../src/resource/index.js'
import type { ReceiverStats, Stream } from '../../src/stream/index.js'
import type { TopicStreamOptions } from './conflate-by.js'
import type { TopicArguments, TopicContract } from './define-topic.js'
import type { PublisherChange } from './publisher-presence.js'
import type { SinceEvent, TopicEvent } from './topic-event.js'

/** How `whenReady` waits. */
export interface ReadyOptions extends WaitOptions {
  /**
   * How many publishers must serve the subscriptions, 1 to 1024.
   * @defaultValue one for each endpoint to connect to and each live link of bound endpoints, and at least one
   */
  readonly publishers?: number
}

/** The counts of a subscriber: a message that matches two streams counts twice. */
export interface SubscriberStats extends ReceiverStats {
  /** Gaps: how often messages were reported as missing. */
  readonly gaps: number
  /** Messages that are known to be missing, and are not repaired. */
  readonly missed: number
  /** Of these, the ones that their publishers keep no longer. */
  readonly expired: number
  /** Messages that were missing, and were fetched from the history of their publishers. */
  readonly repaired: number
}

/** Receives messages on topics. */
export interface TopicSubscriber extends Resource<SubscriberStats> {
  /**
   * Returns the messages on every topic that fits a pattern; the same stream for the same pattern, schema and options.
   *
   * It is subscribed at the publishers while somebody subscribes to the stream or iterates it.
   *
   * @param pattern - Words between dots; `*` is one word, `#` at the end any number of words: `ticks.*`.
   * @param schema - The schema that messages are read with; publishers may have an older or newer one.
   * @param options - Where the stream begins, and what a slow consumer gets.
   * @throws RIVULET_INVALID_OPTION
   */
  topic<Out>(pattern: string, schema: Schema<unknown, Out>, options?: TopicStreamOptions<Out>): Stream<Out>
  /**
   * Returns the messages on the topics of a contract that fit; the same stream for the same pattern, schema and options.
   *
   * @param contract - What {@link defineTopic} returned.
   * @param parameters - A word for each parameter of the contract; `*` is any, and `#` in place of the last word any
   * number. Behind them may stand where the stream begins, and what a slow consumer gets.
   * @throws RIVULET_INVALID_OPTION
   */
  topic<Text extends string, Out>(
    contract: TopicContract<Text, unknown, Out>,
    ...parameters: TopicArguments<Text, [options?: TopicStreamOptions<Out>]>
  ): Stream<Out>
  /**
   * Returns what happens on every topic that fits a pattern: messages with their place, and gaps.
   *
   * With `since`, the end of the history of each publisher is shown, too: `{ kind: 'live', publisher }`.
   *
   * @param pattern - Words between dots; `*` is one word, `#` at the end any number of words: `ticks.*`.
   * @param schema - The schema that messages are read with; publishers may have an older or newer one.
   * @param options - What a slow consumer gets.
   * @throws RIVULET_INVALID_OPTION
   */
  events<Out>(
    pattern: string,
    schema: Schema<unknown, Out>,
    options?: TopicStreamOptions<Out> & { readonly since?: 'now' | undefined },
  ): Stream<TopicEvent<Out>>
  /**
   * Returns what happens on every topic that fits a pattern, from a beginning in the past; `live` ends the history of each publisher.
   *
   * @param pattern - Words between dots; `*` is one word, `#` at the end any number of words: `ticks.*`.
   * @param schema - The schema that messages are read with; publishers may have an older or newer one.
   * @param options - `since`, and what a slow consumer gets.
   * @throws RIVULET_INVALID_OPTION
   */
  events<Out>(pattern: string, schema: Schema<unknown, Out>, options: TopicStreamOptions<Out>): Stream<SinceEvent<Out>>
  /**
   * Returns what happens on the topics of a contract that fit: messages with their place, and gaps.
   *
   * @param contract - What {@link defineTopic} returned.
   * @param parameters - A word for each parameter of the contract; `*` is any, and `#` in place of the last word any
   * number. Behind them may stand what a slow consumer gets.
   * @throws RIVULET_INVALID_OPTION
   */
  events<Text extends string, Out>(
    contract: TopicContract<Text, unknown, Out>,
    ...parameters: TopicArguments<Text, [options?: TopicStreamOptions<Out> & { readonly since?: 'now' | undefined }]>
  ): Stream<TopicEvent<Out>>
  /**
   * Returns what happens on the topics of a contract that fit, from a beginning in the past; `live` ends the history of
   * each publisher.
   *
   * @param contract - What {@link defineTopic} returned.
   * @param parameters - A word for each parameter of the contract, and behind them `since`, and what a slow consumer
   * gets.
   * @throws RIVULET_INVALID_OPTION
   */
  events<Text extends string, Out>(
    contract: TopicContract<Text, unknown, Out>,
    ...parameters: TopicArguments<Text, [options: TopicStreamOptions<Out>]>
  ): Stream<SinceEvent<Out>>
  /**
   * Which publishers are there: the present ones first, then each change; those that never answer, plain PUB sockets, are not shown.
   *
   * Hot; completes when the subscriber is closed.
   */
  readonly publishers: Observable<PublisherChange>
  /**
   * What is subscribed before this is read receives what is published after it resolves.
   *
   * Waits for every endpoint to connect to and every live link of a bound one, and for at least one. Rejects with `RIVULET_CLOSED` if
   * the subscriber is closed before.
   */
  readonly ready: Promise<void>
  /**
   * Like `ready`, with a number of publishers, a time limit and a signal.
   *
   * @param options - How many publishers, and how long to wait.
   * @error RIVULET_TIMEOUT, RIVULET_ABORTED, RIVULET_CLOSED
   * @throws RIVULET_INVALID_OPTION
   */
  whenReady(options?: ReadyOptions): Promise<void>
}
