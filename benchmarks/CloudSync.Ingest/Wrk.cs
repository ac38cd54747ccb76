using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;

namespace CloudSync.Ingest;

/// <summary>Posts one body again and again, as fast as it is answered.</summary>
internal static partial class Wrk
{
    /// <returns>Requests a second.</returns>
    /// <exception cref="InvalidOperationException">It is not here, or a request was not answered with success.</exception>
    public static async Task<double> RunAsync(Uri address, string body, int connections, int seconds)
    {
        var script = Path.GetTempFileName();
        try
        {
            await File.WriteAllTextAsync(script, $"wrk.method = 'POST'\nwrk.headers['Content-Type'] = 'application/json'\nwrk.body = [==[{body}]==]\n");
            using var wrk = Process.Start(new ProcessStartInfo("wrk", ["-t1", $"-c{connections}", $"-d{seconds}s", "-s", script, address.AbsoluteUri]) { RedirectStandardOutput = true })!;
            var output = await wrk.StandardOutput.ReadToEndAsync();
            await wrk.WaitForExitAsync();
            return !output.Contains("Non-2xx", StringComparison.Ordinal) && !output.Contains("Socket errors", StringComparison.Ordinal) && Rate().Match(output) is { Success: true } rate
                ? double.Parse(rate.Groups[1].Value, CultureInfo.InvariantCulture)
                : throw new InvalidOperationException($"wrk did not get a success for each request: {output}");
        }
        catch (System.ComponentModel.Win32Exception e)
        {
            throw new InvalidOperationException("wrk is not here (Debian: apt install wrk).", e);
        }
        finally
        {
            File.Delete(script);
        }
    }

    [GeneratedRegex(@"Requests/sec:\s+([\d.]+)")]
    private static partial Regex Rate();
}
