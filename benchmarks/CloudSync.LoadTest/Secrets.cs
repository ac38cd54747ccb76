using System.Text.RegularExpressions;

namespace CloudSync.LoadTest;

/// <summary>Takes what nobody else may read out of what is shown: reports are mailed, and what a build writes is kept.</summary>
internal static partial class Secrets
{
    /// <summary>A command line without the values of settings that sound like secrets, and without who logs in to an address.</summary>
    public static string Hide(IEnumerable<string> args) => string.Join(' ', args.Select(arg => Hide(arg)));

    /// <summary>An address without who logs in to it.</summary>
    public static Uri Hide(Uri address) => new UriBuilder(address) { UserName = "", Password = "" }.Uri;

    // A value may have names of its own: AccountKey of a connection string, password of a sasl.jaas.config.
    private static string Hide(string arg) => UserInfo().Replace(
        arg.IndexOf('=', StringComparison.Ordinal) is > 0 and var at && SoundsSecret().IsMatch(arg.AsSpan(0, arg.LastIndexOf('='))) ? $"{arg[..at]}=***" : arg, "");

    [GeneratedRegex("password|secret|key|token|sasl\\.jaas", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex SoundsSecret();

    [GeneratedRegex("(?<=://)[^/?#\\s]*@")]
    private static partial Regex UserInfo();
}
