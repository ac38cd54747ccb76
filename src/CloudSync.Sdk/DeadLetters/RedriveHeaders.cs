namespace CloudSync.Sdk;

/// <summary>
/// The headers that a redriven dead letter has behind those of the original record, back in the topic that it came from. All values are UTF-8 text.
/// </summary>
public static class RedriveHeaders
{
    /// <summary>What every name of ours begins with. A message that becomes a dead letter again leaves them behind.</summary>
    public const string Prefix = "cloudsync-redrive-";

    /// <summary>
    /// The consumer group that could not deliver the message, and the only one that shall: consumers of all other groups pass over the record, for they have
    /// delivered it.
    /// </summary>
    public const string Group = Prefix + "group";

    /// <summary>How often the message has been redriven, this time included.</summary>
    public const string Count = Prefix + "count";
}
