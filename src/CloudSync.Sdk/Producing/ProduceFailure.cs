using CloudSync.Sdk.Settings;
using Confluent.Kafka;

namespace CloudSync.Sdk;

/// <summary>Says why a message was not taken, for the person who reads it at night.</summary>
internal static class ProduceFailure
{
    /// <param name="id">The message.</param>
    /// <param name="error">What the client reports of it.</param>
    /// <param name="options">The producer's.</param>
    /// <param name="cause">What was thrown.</param>
    /// <param name="trouble">What is wrong with the connection: of a message that was never sent, the client says no more than that its time was over.</param>
    public static ProduceFailedException Of(string id, Error error, CloudSyncProducerOptions options, Exception? cause = null, KafkaTrouble? trouble = null)
    {
        var reason = error.IsFatal
            ? $"the Kafka client can't go on ({error.Reason}); it is made anew. Produce the message again."
            : Reason(error, options, trouble);
        return new ProduceFailedException($"Message {id} was not taken by topic {options.Topic}: {reason} [{error.Code}]", cause ?? new KafkaException(error))
        {
            MessageId = id,
            IsPermanent = error.Code is ErrorCode.MsgSizeTooLarge or ErrorCode.InvalidRecord or ErrorCode.InvalidTimestamp
                or ErrorCode.Local_InvalidArg,
        };
    }

    public static ProduceFailedException TooLarge(string id, long size, CloudSyncProducerOptions options) =>
        new($"Message {id} was not taken by topic {options.Topic}: key, value and headers are {SettingText.Format(size)} bytes, and MaxMessageBytes is "
            + $"{SettingText.Format(options.MaxMessageBytes)}. Raise it together with the topic's max.message.bytes, or produce smaller messages.")
        {
            MessageId = id,
            IsPermanent = true,
            Limit = options.MaxMessageBytes,
        };

    public static ProduceFailedException Stopped(string id, CloudSyncProducerOptions options) =>
        new($"Message {id} was not acknowledged by topic {options.Topic} before the producer was stopped, FlushTimeout ({SettingText.Format(options.FlushTimeout)}) included. "
            + "Kafka may have it or not: produce it again with the same id, by which a duplicate is recognised.")
        {
            MessageId = id,
        };

    private static string Reason(Error error, CloudSyncProducerOptions options, KafkaTrouble? trouble) => error.Code switch
    {
        ErrorCode.Local_MsgTimedOut =>
            $"it was not acknowledged within DeliveryTimeout, {SettingText.Format(options.DeliveryTimeout)}. "
            + (trouble?.Reason ?? $"Are the brokers ({options.BootstrapServers}) up, and enough replicas in sync?"),
        ErrorCode.MsgSizeTooLarge =>
            $"it is larger than the client (MaxMessageBytes, {SettingText.Format(options.MaxMessageBytes)}) or the topic (max.message.bytes) allows. Raise both, or produce smaller messages.",
        ErrorCode.Local_UnknownTopic or ErrorCode.UnknownTopicOrPart =>
            "the topic does not exist. Create it, or correct Topic.",
        ErrorCode.TopicAuthorizationFailed or ErrorCode.ClusterAuthorizationFailed =>
            "the credentials may not write to it. Grant Write on the topic (and IdempotentWrite on clusters older than Kafka 3.0) to the producer's user.",
        ErrorCode.SaslAuthenticationFailed or ErrorCode.Local_Authentication =>
            "the brokers do not accept the credentials. Check sasl.mechanism, sasl.username and sasl.password under Kafka.",
        ErrorCode.NotEnoughReplicas or ErrorCode.NotEnoughReplicasAfterAppend =>
            "fewer replicas are in sync than the topic's min.insync.replicas asks for. Bring brokers back.",
        ErrorCode.InvalidRecord =>
            "the broker finds it invalid; a compacted topic, for example, takes no message without a key.",
        ErrorCode.Local_QueueFull =>
            "the client's queue is full, which BufferBytes should have kept from happening; please report this. Produce the message again.",
        _ => $"{error.Reason.TrimEnd('.')}.",
    };
}
