using CloudSync.LoadTest.ScaleOut;
using CloudSync.Measuring;

namespace CloudSync.LoadTest.Parts;

/// <summary>This program as one of the parts.</summary>
internal static class PartProgram
{
    public static async Task<int> RunAsync(string part)
    {
        // An interrupt from the terminal goes to all processes. The one that started this one ends this one in its turn.
        using var none = new Interrupt();
        try
        {
            var settings = await Console.In.ReadLineAsync() ?? "";
            await (part switch
            {
                EmbeddedKafkaPart.Name => EmbeddedKafkaPart.RunAsync(),
                ApiPart.Name => ApiPart.RunAsync(settings),
                EndpointPart.Name => EndpointPart.RunAsync(settings),
                LoggingEndpointPart.Name => LoggingEndpointPart.RunAsync(settings),
                _ => ConsumerPart.RunAsync(settings),
            });
            return 0;
        }
        catch (Exception e)
        {
            // A setting that a host does not take, as a rule.
            await Console.Error.WriteLineAsync($"{part}: {e.Message}");
            return 1;
        }
    }
}
