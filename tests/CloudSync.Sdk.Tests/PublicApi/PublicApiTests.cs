using System.Reflection;
using PublicApiGenerator;
using Xunit;

namespace CloudSync.Sdk.Tests;

/// <summary>What users can see of each package stands in a file beside this one, so that a change of it is seen in review and never made by accident.</summary>
public class PublicApiTests
{
    private const string Accept = "CLOUDSYNC_ACCEPT_API";

    [Theory]
    [InlineData("CloudSync.Sdk")]
    [InlineData("CloudSync.Sdk.AspNetCore")]
    [InlineData("CloudSync.Sdk.Aws")]
    [InlineData("CloudSync.Sdk.Azure")]
    [InlineData("CloudSync.Sdk.Http")]
    [InlineData("CloudSync.Sdk.Redis")]
    [InlineData("CloudSync.Sdk.Testing")]
    [InlineData("CloudSync.Sdk.Testing.Redis")]
    public void The_public_API_is_the_one_that_was_agreed_on(string assembly)
    {
        var actual = Assembly.Load(assembly).GeneratePublicApi(new ApiGeneratorOptions { IncludeAssemblyAttributes = false }).ReplaceLineEndings("\n");
        var path = Path.Combine(Folder(), $"{assembly}.txt");
        if (Environment.GetEnvironmentVariable(Accept) == "1")
            File.WriteAllText(path, actual);

        var agreed = File.Exists(path) ? File.ReadAllText(path).ReplaceLineEndings("\n") : "";
        var gone = agreed.Split('\n').Except(actual.Split('\n'), StringComparer.Ordinal).Select(line => $"- {line.Trim()}");
        var added = actual.Split('\n').Except(agreed.Split('\n'), StringComparer.Ordinal).Select(line => $"+ {line.Trim()}");
        Assert.True(
            agreed == actual,
            $"The public API of {assembly} is not the one in PublicApi/{assembly}.txt:\n{string.Join('\n', gone.Concat(added))}\n"
            + $"If that is meant, run this test once more with {Accept}=1 and commit the file.");
    }

    private static string Folder()
    {
        // Not by the compiler's path of this file: a deterministic build writes another one.
        var root = new DirectoryInfo(AppContext.BaseDirectory);
        while (root is not null && !File.Exists(Path.Combine(root.FullName, "CloudSync.Sdk.sln")))
            root = root.Parent;

        Assert.NotNull(root);
        return Path.Combine(root.FullName, "tests", "CloudSync.Sdk.Tests", "PublicApi");
    }
}
