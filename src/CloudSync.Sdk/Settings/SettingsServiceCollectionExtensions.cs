using System.Diagnostics.CodeAnalysis;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;

namespace CloudSync.Sdk.Settings;

/// <summary>Registers options that are read from a section and checked at start.</summary>
internal static class SettingsServiceCollectionExtensions
{
    /// <summary>Reads the options called <paramref name="name"/> from a section, lets code change them after it, and checks everything at start.</summary>
    /// <param name="services">The services.</param>
    /// <param name="name">The options' name.</param>
    /// <param name="section">Where they are read from; <see langword="null"/> when they are set in code alone.</param>
    /// <param name="rules">What does not go together. It is called with values out of range too, and must not throw.</param>
    public static OptionsBuilder<TOptions> AddCloudSyncOptions<[DynamicallyAccessedMembers(SettingGroupAttribute.Members)] TOptions>(
        this IServiceCollection services, string name, IConfiguration? section, Func<TOptions, IEnumerable<SettingProblem>> rules)
        where TOptions : class, new()
    {
        services.AddSingleton<IValidateOptions<TOptions>>(new SettingsValidator<TOptions>(name, section, rules));
        var options = services.AddOptions<TOptions>(name);
        if (section is not null)
            options.Configure(o => SettingsBinder.Bind(section, o));
        return options.ValidateOnStart();
    }
}
