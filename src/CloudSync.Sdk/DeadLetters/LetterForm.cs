using Confluent.Kafka;

namespace CloudSync.Sdk;

/// <summary>How much a dead letter says of itself.</summary>
internal enum LetterDetails
{
    /// <summary>All of <see cref="DeadLetterHeaders"/>: a few kilobytes at most.</summary>
    Full = 0,

    /// <summary>What a redrive and a reader need most: a few hundred bytes.</summary>
    Brief,

    /// <summary>Nothing. The letter is as large as its original.</summary>
    None,
}

/// <summary>
/// The form that a dead letter is written in. The brokers alone know what its topic takes, so the whole form goes first, and each refusal for something that is
/// ours gives that up. What is left then is the original.
/// </summary>
/// <param name="Details">How much it says of itself.</param>
/// <param name="IsStampedAnew">Whether its timestamp is the time of writing, in place of the original's.</param>
internal readonly record struct LetterForm(LetterDetails Details, bool IsStampedAnew)
{
    /// <summary>The form that is tried after this one was refused; <see langword="null"/> when there is nothing of ours to give up.</summary>
    public LetterForm? After(ErrorCode refusal) => refusal switch
    {
        _ when LetterSending.IsTooLarge(refusal) && Details < LetterDetails.None => this with { Details = Details + 1 },

        // message.timestamp.before.max.ms or .after.max.ms of the topic: Kafka 4 refuses by default what is more than an hour ahead of its clock.
        ErrorCode.InvalidTimestamp when !IsStampedAnew => this with { IsStampedAnew = true },
        _ => null,
    };
}
