using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Xunit;

namespace CloudSync.Sdk.Tests.Http;

/// <summary>What a host would say at its start.</summary>
internal static class Start
{
    public static string? Problems(IServiceCollection services)
    {
        using var provider = services.BuildServiceProvider();
        return Record.Exception(() => provider.GetRequiredService<IStartupValidator>().Validate()) switch
        {
            null => null,
            AggregateException several => string.Join(Environment.NewLine, several.InnerExceptions.Select(e => Assert.IsType<OptionsValidationException>(e).Message)),
            var error => Assert.IsType<OptionsValidationException>(error).Message,
        };
    }
}
