using Microsoft.Extensions.Logging;

namespace CloudSync.Sdk;

/// <summary>Everything the producer says, with stable ids. No payload, no key, no secret.</summary>
internal static partial class ProducerLog
{
    [LoggerMessage(2001, LogLevel.Information, "The producer writes to {Topic} at {BootstrapServers}.")]
    public static partial void ProducerStarted(this ILogger log, string topic, string bootstrapServers);

    [LoggerMessage(2002, LogLevel.Information, "The producer of {Topic} has stopped and left nothing over: of every message the brokers have acknowledged it, or its failure was told.")]
    public static partial void ProducerStopped(this ILogger log, string topic);

    [LoggerMessage(2003, LogLevel.Error,
        "The producer of {Topic} has stopped and given up {Count} messages that were not acknowledged within FlushTimeout ({FlushTimeout}). Kafka may have them or not, and their callers were told, where "
        + "any asked. Are the brokers up? Produce the messages again with the same ids; if the brokers are only slow, raise FlushTimeout. Ids begin with: {MessageIds}.")]
    public static partial void StoppedUnacknowledged(this ILogger log, string topic, int count, TimeSpan flushTimeout, string messageIds);

    [LoggerMessage(2004, LogLevel.Warning,
        "ConfigureKafka changed {Keys}, which the producer's guarantees rest on; that was set back.")]
    public static partial void SetBack(this ILogger log, string keys);

    [LoggerMessage(2005, LogLevel.Warning, "The certificates of the brokers are not checked: {Key} is off. Anybody between here and there can read and change messages.")]
    public static partial void CertificatesUnchecked(this ILogger log, string key);

    [LoggerMessage(2006, LogLevel.Error, "{Failure} {Others} other messages have failed since the last such line; there is one in {Interval} at most.")]
    public static partial void NotTaken(this ILogger log, string failure, long others, TimeSpan interval);

    [LoggerMessage(2007, LogLevel.Error, "An acknowledgement ({Type}) threw when it was told of message {MessageId}; it must not.")]
    public static partial void AcknowledgementThrew(this ILogger log, Exception exception, Type? type, string messageId);

    [LoggerMessage(2008, LogLevel.Error, "The Kafka client of {Topic} can't go on: {Reason} ({Code}). It is made anew; messages that were under way are reported as failed.")]
    public static partial void ClientLost(this ILogger log, string topic, string reason, string code);

    [LoggerMessage(2009, LogLevel.Warning,
        "Kafka reports for the producer of {Topic}: {Reason} ({Code}). {Advice} Reports of this kind since the last such line: {Since}.")]
    public static partial void ProducerError(this ILogger log, string topic, string reason, string code, string advice, long since);

    [LoggerMessage(2010, LogLevel.Debug, "Kafka client: {Facility}: {Message}")]
    public static partial void ProducerClientSays(this ILogger log, string facility, string message);

    [LoggerMessage(2011, LogLevel.Error, "A listener of the producer's metrics or traces threw. The message goes its way, and is not counted.")]
    public static partial void SendNotCounted(this ILogger log, Exception exception);

    [LoggerMessage(2012, LogLevel.Error,
        "The producer of {Topic} waits no longer for its own end, which has taken more than {Patience}. {Holding} acknowledgements were told and have not returned, of messages {MessageIds}; {Untold} messages "
        + "can be told only after them, if the process still lives. An acknowledgement must return at once and wait for nothing, least of all for this end. With 0 of them it is the Kafka client that does not "
        + "end, as while a broker's name is being looked up.")]
    public static partial void EndTakesTooLong(this ILogger log, string topic, TimeSpan patience, int holding, string messageIds, int untold);

    [LoggerMessage(2013, LogLevel.Error, "A background task of the producer of {Topic} failed. Its messages are told all the same; what waits for a flush may wait for Linger. Please report it.")]
    public static partial void BackgroundFailed(this ILogger log, Exception exception, string topic);
}
