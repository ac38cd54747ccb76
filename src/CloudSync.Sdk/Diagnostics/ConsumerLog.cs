using Microsoft.Extensions.Logging;

namespace CloudSync.Sdk;

/// <summary>Everything a consumer says, with stable ids. No payload, no key, no secret.</summary>
internal static partial class ConsumerLog
{
    [LoggerMessage(1001, LogLevel.Information, "Consumer {Consumer} reads {Topic} as group {Group} and delivers to {Sink}. Drain time-out {DrainTimeout}.")]
    public static partial void Started(this ILogger log, string consumer, string topic, string group, string sink, TimeSpan drainTimeout);

    [LoggerMessage(1002, LogLevel.Information, "Group {Group}: the consumer has stopped, {Committed}, {Unsettled} messages in memory left uncommitted.")]
    public static partial void Stopped(this ILogger log, string group, string committed, int unsettled);

    [LoggerMessage(1003, LogLevel.Information, "Assigned partitions [{Partitions}] of {Topic}, epoch {Epoch}.")]
    public static partial void Assigned(this ILogger log, string partitions, string topic, int epoch);

    [LoggerMessage(1004, LogLevel.Information, "Revoked partitions [{Partitions}] of {Topic}: drained {Drained} in {Elapsed}, {Committed}.")]
    public static partial void Revoked(this ILogger log, string partitions, string topic, string drained, TimeSpan elapsed, string committed);

    [LoggerMessage(1005, LogLevel.Warning,
        "Lost partitions [{Partitions}] of {Topic}: another member owns them now. What was not committed is delivered again, and recognised where the idempotency store is shared.")]
    public static partial void Lost(this ILogger log, string partitions, string topic);

    [LoggerMessage(1006, LogLevel.Information, "Consumption of {Topic} is paused: {Reasons}.")]
    public static partial void Paused(this ILogger log, string topic, PauseReasons reasons);

    [LoggerMessage(1007, LogLevel.Information, "Consumption of {Topic} goes on.")]
    public static partial void Resumed(this ILogger log, string topic);

    [LoggerMessage(1008, LogLevel.Warning,
        "Partition {Partition} of {Topic} was read {Distance} offsets past its first unsettled message at {Offset} (MaxUnsettledDistance): it is paused until that message is settled.")]
    public static partial void DistanceReached(this ILogger log, int partition, string topic, long distance, long offset);

    [LoggerMessage(1009, LogLevel.Warning,
        "Partition {Partition} of {Topic} jumped back to offset {Offset}: the log was truncated or the topic made anew. What was read before is left alone.")]
    public static partial void OffsetsWentBack(this ILogger log, int partition, string topic, long offset);

    [LoggerMessage(1010, LogLevel.Warning,
        "Kafka reports for {Topic}: {Reason} ({Code}). {Advice} Reports of this kind since the last such line: {Since}.")]
    public static partial void KafkaError(this ILogger log, string topic, string reason, string code, string advice, long since);

    [LoggerMessage(1011, LogLevel.Error, "The consumer of {Topic} failed and is built anew in {Delay}: {Reason}")]
    public static partial void ClientFailed(this ILogger log, Exception? exception, string topic, TimeSpan delay, string reason);

    [LoggerMessage(1012, LogLevel.Warning, "The commit of {Offsets} failed: {Reason}. It is tried again; a crash now would deliver more messages again.")]
    public static partial void CommitFailed(this ILogger log, string offsets, string reason);

    [LoggerMessage(1013, LogLevel.Error, "An error in a rebalance of {Topic} was caught; it must not reach the client.")]
    public static partial void RebalanceFailed(this ILogger log, Exception exception, string topic);

    [LoggerMessage(1014, LogLevel.Debug, "Kafka client: {Facility}: {Message}")]
    public static partial void ClientSays(this ILogger log, string facility, string message);

    [LoggerMessage(1015, LogLevel.Warning,
        "Group {Group} had put this consumer out, for want of a heartbeat or a poll, and {After} later it is back. What was under way meanwhile is not settled here: whoever owns its partition now delivers it.")]
    public static partial void BackInGroup(this ILogger log, string group, TimeSpan after);

    [LoggerMessage(1016, LogLevel.Warning, "The endpoint of {Consumer} was isolated by hand ({Reason}): nothing is sent to it, and consumption pauses, until it is released.")]
    public static partial void Isolated(this ILogger log, string consumer, string reason);

    [LoggerMessage(1017, LogLevel.Information, "The endpoint of {Consumer} was released: one message probes it.")]
    public static partial void Released(this ILogger log, string consumer);

    [LoggerMessage(1018, LogLevel.Information,
        "The record at {Partition} @{Offset} of {Topic} was redriven for another group and is passed over, as all such records are (header cloudsync-redrive-group, metric cloudsync.consumer.skipped). Said once for each assignment; this is group {Group}.")]
    public static partial void FirstSkipped(this ILogger log, int partition, long offset, string topic, string group);

    [LoggerMessage(1019, LogLevel.Warning,
        "Kafka was not polled for {Gap} by the consumer of {Topic}: the process was stopped, its machine stood still, or a revocation took so long. Time-outs of calls that were under way say nothing of the endpoint: an open breaker probes it at once.")]
    public static partial void Stalled(this ILogger log, string topic, TimeSpan gap);

    [LoggerMessage(1020, LogLevel.Warning,
        "{Topic} is read record by record, at about half of the speed, and otherwise as ever: {Unfit}. Look whether the package librdkafka.redist has the version that Confluent.Kafka names, or set ReadInBatches to false.")]
    public static partial void ReadsOneByOne(this ILogger log, string topic, string unfit);

    [LoggerMessage(1101, LogLevel.Warning,
        "Message {MessageId} ({Place}) failed as {ErrorType}: {Reason} Attempts counted so far: {Attempts}; tried again in {Delay} at the earliest.")]
    public static partial void WillRetry(
        this ILogger log, string messageId, string place, ErrorType errorType, string reason, int attempts, TimeSpan delay);

    [LoggerMessage(1102, LogLevel.Error, "Message {MessageId} ({Place}) was given up as {ErrorType} after {Attempts} attempts and is kept in {DeadLetterTopic}.")]
    public static partial void DeadLettered(
        this ILogger log, Exception exception, string messageId, string place, string deadLetterTopic, ErrorType errorType, int attempts);

    [LoggerMessage(1103, LogLevel.Error,
        "The dead letter of message {MessageId} ({Place}) could not be written to {DeadLetterTopic}. The message is kept, its offset is not committed, consumption pauses, and the write is tried again in {Delay}. Check that the topic exists, may be written, and takes messages as large as the source topic does (max.message.bytes).")]
    public static partial void DeadLetterFailed(
        this ILogger log, Exception exception, string messageId, string place, string deadLetterTopic, TimeSpan delay);

    [LoggerMessage(1104, LogLevel.Error,
        "The breaker of {Consumer} is open: the endpoint failed as {ErrorType} ({Reason}). Consumption pauses; one message probes the endpoint in {BreakDuration}.")]
    public static partial void BreakerOpened(this ILogger log, string consumer, ErrorType errorType, string reason, TimeSpan breakDuration);

    [LoggerMessage(1105, LogLevel.Information, "The breaker of {Consumer} is closed: the endpoint answers again.")]
    public static partial void BreakerClosed(this ILogger log, string consumer);

    [LoggerMessage(1106, LogLevel.Error,
        "The idempotency store failed to {Operation}. Nothing is delivered or settled past it; consumption pauses until it answers.")]
    public static partial void StoreFailed(this ILogger log, Exception exception, string operation);

    [LoggerMessage(1107, LogLevel.Warning,
        "The claim on message {MessageId} ({Place}) was taken over before its delivery was done: the endpoint may have got it twice, with the same id. Is Idempotency:Lease long enough?")]
    public static partial void ClaimOvertaken(this ILogger log, string messageId, string place);

    [LoggerMessage(1108, LogLevel.Error, "The error classifier {Classifier} threw; the default one decides.")]
    public static partial void ClassifierThrew(this ILogger log, Exception exception, Type classifier);

    [LoggerMessage(1109, LogLevel.Critical,
        "Settling {Outcomes} outcomes failed. Their offsets are not committed and their keys wait until the consumer is restarted; please report this.")]
    public static partial void SettlementFailed(this ILogger log, Exception exception, int outcomes);

    [LoggerMessage(1110, LogLevel.Error,
        "The dead letter of message {MessageId} ({Place}) fits into its topic as the original alone and stands at {Letter} without any header of ours. What they would have said: {ErrorType}, HTTP status {HttpStatus}, {Attempts} attempts, failed first at {FirstFailure:O} and last at {LastFailure:O}, timestamp {Timestamp:O}, group {Group}, consumer {Consumer}, correlation id {CorrelationId}, traceparent {TraceParent}. To have them there, raise the topic's max.message.bytes by 16 KB.")]
    public static partial void DeadLetterBare(
        this ILogger log,
        Exception exception,
        string messageId,
        string place,
        string letter,
        ErrorType errorType,
        int? httpStatus,
        int attempts,
        DateTimeOffset firstFailure,
        DateTimeOffset lastFailure,
        DateTimeOffset timestamp,
        string group,
        string consumer,
        string? correlationId,
        string? traceParent);

    [LoggerMessage(1111, LogLevel.Error,
        "Consumer {Consumer}: a call of the sink with message {MessageId} ({Place}; {Messages} messages in all) ignored its cancellation and was abandoned; its messages go on as timed out. {Running} such calls have not ended, of {Max} that may. Does the sink hand its cancellation token on?")]
    public static partial void CallAbandoned(this ILogger log, string consumer, string messageId, string place, int messages, int running, int max);

    [LoggerMessage(1112, LogLevel.Warning, "The abandoned call with message {MessageId} ({Place}) has ended {Late} after it was abandoned; what it says settles nothing.")]
    public static partial void AbandonedEnded(this ILogger log, string messageId, string place, TimeSpan late);

    [LoggerMessage(1113, LogLevel.Critical,
        "Consumer {Consumer}: {Running} abandoned calls of the sink have not ended (MaxAbandonedCalls). Nothing further is called and consumption pauses until one ends, or the process is restarted.")]
    public static partial void TooManyAbandoned(this ILogger log, string consumer, int running);

    [LoggerMessage(1114, LogLevel.Warning, "The endpoint of {Consumer} asks us to wait: nothing is sent to it for {Wait}.")]
    public static partial void EndpointHeld(this ILogger log, string consumer, TimeSpan wait);

    [LoggerMessage(1115, LogLevel.Warning,
        "Consumer {Consumer}: a batch of {Messages} messages failed whole as {ErrorType} ({Reason}). It is taken apart to find the message at fault; none of them has used up an attempt.")]
    public static partial void BatchTakenApart(this ILogger log, string consumer, int messages, ErrorType errorType, string reason);

    [LoggerMessage(1120, LogLevel.Warning,
        "{DeadLetterTopic} keeps records for {Retention} by their own timestamp (message.timestamp.type=CreateTime), and a dead letter has that of its message: Kafka deletes a letter of a message older than that at once. Set message.timestamp.type=LogAppendTime on {DeadLetterTopic}, and it keeps every letter for its whole retention (the message's time stands in a header); or retention.ms=-1.")]
    public static partial void LettersMayBeDeleted(this ILogger log, string deadLetterTopic, TimeSpan retention);

    [LoggerMessage(1121, LogLevel.Warning,
        "{Messages} messages were taken over: another member had claimed their ids and let its lease run out. It crashed, stands still, or its calls take longer than it can extend.")]
    public static partial void TookOver(this ILogger log, int messages);

    [LoggerMessage(1122, LogLevel.Information, "The idempotency store answers again, after {Elapsed}.")]
    public static partial void StoreAnswers(this ILogger log, TimeSpan elapsed);

    [LoggerMessage(1123, LogLevel.Error,
        "The idempotency store failed to {Operation}. Messages are delivered without it (WhenStoreFails is DeliverAnyway) until it answers: an endpoint may get one twice, with the same Idempotency-Key.")]
    public static partial void StoreFailedDeliversAnyway(this ILogger log, Exception exception, string operation);

    [LoggerMessage(1124, LogLevel.Warning,
        "{Messages} claims were lost while their messages are being delivered: another member has taken them over, and the endpoint may get them twice, with the same id.")]
    public static partial void ClaimsLost(this ILogger log, int messages);

    [LoggerMessage(1125, LogLevel.Information, "Delivered ids are remembered for {Retention} by {Store}: {Room}.")]
    public static partial void Remembers(this ILogger log, TimeSpan retention, string store, string room);

    [LoggerMessage(1126, LogLevel.Warning,
        "At {Rate} new ids a second, ids are remembered for about {Remembered} and not for {Retention} (Idempotency:Retention): a duplicate that comes later is delivered. {Advice}")]
    public static partial void RemembersTooShort(this ILogger log, TimeSpan remembered, long rate, TimeSpan retention, string advice);

    [LoggerMessage(1127, LogLevel.Warning, "The idempotency store could not tell its statistics.")]
    public static partial void StatisticsFailed(this ILogger log, Exception exception);

    [LoggerMessage(1128, LogLevel.Error, "A listener of the metrics or traces threw. What it should have heard of is not counted or traced; the message goes its way.")]
    public static partial void NotCounted(this ILogger log, Exception exception);

    [LoggerMessage(1129, LogLevel.Error, "Consumer {Consumer}: choosing what is delivered next failed. It is tried again in {Delay}; please report this.")]
    public static partial void DispatchFailed(this ILogger log, Exception exception, string consumer, TimeSpan delay);
}
