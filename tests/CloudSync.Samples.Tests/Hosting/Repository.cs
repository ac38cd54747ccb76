namespace CloudSync.Samples.Tests.Hosting;

/// <summary>The repository that the tests were built from.</summary>
internal static class Repository
{
    public static string Root { get; } = Find(new DirectoryInfo(AppContext.BaseDirectory));

    public static string Read(string path) => File.ReadAllText(Path.Combine(Root, path));

    private static string Find(DirectoryInfo? directory)
    {
        for (; directory is not null; directory = directory.Parent)
        {
            if (File.Exists(Path.Combine(directory.FullName, "CloudSync.Sdk.sln")))
                return directory.FullName;
        }

        throw new DirectoryNotFoundException("There is no CloudSync.Sdk.sln above the tests.");
    }
}
