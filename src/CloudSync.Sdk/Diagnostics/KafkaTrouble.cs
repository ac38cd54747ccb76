using Confluent.Kafka;

namespace CloudSync.Sdk;

/// <summary>Why Kafka can't be reached, or does not let us in.</summary>
/// <param name="Reason">What the client reports, and which settings to look at. It holds no secret.</param>
/// <param name="Since">Since when.</param>
/// <param name="NeedsAttention">Whether somebody must do something: credentials, certificates, rights, a topic that is missing. An outage of the brokers ends by itself.</param>
public sealed record KafkaTrouble(string Reason, DateTimeOffset Since, bool NeedsAttention)
{
    /// <summary>What an error means for the connection; <see langword="null"/> for one that says nothing about it.</summary>
    internal static (string Advice, bool NeedsAttention)? Of(Error error) => KindOf(error) switch
    {
        ErrorCode.Local_Authentication or ErrorCode.SaslAuthenticationFailed => (
            "Kafka does not take our credentials: look at Kafka:sasl.username and Kafka:sasl.password, with OAUTHBEARER at Kafka:sasl.oauthbearer.*, and at Kafka:sasl.mechanism.", true),
        ErrorCode.UnsupportedSaslMechanism or ErrorCode.IllegalSaslState => (
            "Kafka does not take this way to log in: look at Kafka:sasl.mechanism and Kafka:security.protocol.", true),
        ErrorCode.Local_Ssl => (
            "There is no TLS connection: look at Kafka:ssl.ca.location, which names who signed the brokers' certificates; at BootstrapServers, whose names must stand in them; "
            + "at Kafka:security.protocol; and where brokers ask for a certificate of ours, at Kafka:ssl.certificate.location and Kafka:ssl.key.location.", true),
        ErrorCode.TopicAuthorizationFailed or ErrorCode.GroupAuthorizationFailed or ErrorCode.ClusterAuthorizationFailed or ErrorCode.TransactionalIdAuthorizationFailed => (
            "Kafka lets us in, but our user (Kafka:sasl.username, or the name in our certificate) lacks a right: a consumer needs Read on its topic and on its group, and Write "
            + "on its dead-letter topic, a producer Write on its topic.", true),
        ErrorCode.UnknownTopicOrPart or ErrorCode.Local_UnknownTopic => ("Create the topic, or look at Topic: nothing here creates one.", true),
        ErrorCode.Local_AllBrokersDown or ErrorCode.Local_Transport or ErrorCode.Local_Resolve or ErrorCode.NetworkException => (
            "Look at BootstrapServers, whether brokers run there, and at Kafka:security.protocol: one that speaks TLS hangs up without a word on who does not.", false),
        _ => null,
    };

    /// <summary>What the client reports, and what to do about it where that is known.</summary>
    internal static string TextOf(Error error) => $"{error.Reason.TrimEnd('.')} ({error.Code}).{(Of(error) is { } meaning ? $" {meaning.Advice}" : "")}";

    /// <summary>With TLS 1.3 a broker that wants another certificate of ours says so after the handshake, and the client calls it a fault of the transport.</summary>
    private static ErrorCode KindOf(Error error) =>
        error.Code == ErrorCode.Local_Transport && error.Reason.Contains("SSL routines", StringComparison.Ordinal) ? ErrorCode.Local_Ssl : error.Code;
}
