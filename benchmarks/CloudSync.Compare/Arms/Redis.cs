namespace CloudSync.Compare.Arms;

internal static class Redis
{
    public const string Name = "redis";
}
