namespace CloudSync.IntegrationTests.Consuming;

/// <summary>How the tests' consumers read: in batches, or with <c>Consume</c> where <c>CLOUDSYNC_TEST_READER</c> says so. Every test holds for both.</summary>
internal static class TestReader
{
    public static bool ReadsInBatches => Environment.GetEnvironmentVariable("CLOUDSYNC_TEST_READER") switch
    {
        null or "" or "batch" => true,
        "consume" => false,
        var other => throw new InvalidOperationException($"CLOUDSYNC_TEST_READER is '{other}', and must be 'batch' or 'consume'."),
    };
}
