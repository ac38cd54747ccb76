namespace CloudSync.Compare.Arms;

internal static class Http
{
    public const string Name = "http";
}
