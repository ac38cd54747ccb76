namespace CloudSync.Sdk;

/// <summary>What the defaults are for. A preset changes the defaults of a few settings and nothing else: a setting that is given, in configuration or in code, is what it is.</summary>
public enum CloudSyncPreset
{
    /// <summary>A few milliseconds for hundreds of thousands of messages in a second. A lone message of less than a kilobyte waits for up to a tenth of a second to be fetched.</summary>
    Balanced = 0,

    /// <summary>Nothing waits for company: less than a millisecond for a message, and more requests, and so more work for the brokers.</summary>
    LowLatency,

    /// <summary>Larger batches, and more memory for them: fewer requests, and some tens of milliseconds for a message. Where there are few, one waits for up to a quarter of a second to be fetched.</summary>
    HighThroughput,
}
