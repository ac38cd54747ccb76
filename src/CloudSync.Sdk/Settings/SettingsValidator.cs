using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Reflection;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Options;

namespace CloudSync.Sdk.Settings;

/// <summary>Checks the options of one name: what could not be read, what is out of range, and what does not go together, all in one message.</summary>
internal sealed class SettingsValidator<[DynamicallyAccessedMembers(SettingGroupAttribute.Members)] TOptions>(
    string name, IConfiguration? section, Func<TOptions, IEnumerable<SettingProblem>> rules) : IValidateOptions<TOptions>
    where TOptions : class, new()
{
    /// <inheritdoc/>
    public ValidateOptionsResult Validate(string? name1, TOptions options)
    {
        if (name1 != name)
            return ValidateOptionsResult.Skip;

        // Read once more into an object that is thrown away: what binding found can't be handed from there to here in any other way without state.
        var problems = section is null ? [] : SettingsBinder.Bind(section, new TOptions());
        var complete = CheckRanges(typeof(TOptions), options, "", problems);
        if (complete)
            problems.AddRange(rules(options));

        return problems.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(Describe(problems));
    }

    /// <summary>Checks every setting alone, and returns whether all groups are there, so that rules may look into them.</summary>
    private static bool CheckRanges(
        [DynamicallyAccessedMembers(SettingGroupAttribute.Members)] Type type, object options, string prefix, List<SettingProblem> problems)
    {
        var complete = true;
        foreach (var property in type.GetProperties(BindingFlags.Public | BindingFlags.Instance))
        {
            var path = prefix + property.Name;
            var value = property.GetValue(options);
            if (property.GetCustomAttribute<SettingGroupAttribute>() is { } group)
            {
                if (value is null)
                    problems.Add(new SettingProblem(path, $"is null; it must be a {group.Type.Name}."));
                complete &= value is not null && CheckRanges(group.Type, value, path + ":", problems);
            }
            else if (value is Enum && !Enum.IsDefined(value.GetType(), value))
            {
                problems.Add(new SettingProblem(path, $"is {value:D}; it must be {SettingText.Expected(value.GetType(), null)}."));
            }
            else if (value is not null && property.GetCustomAttribute<SettingRangeAttribute>() is { } range && !range.Contains(value))
            {
                problems.Add(new SettingProblem(path, $"is {SettingText.Format(value)}; it must be {range}."));
            }
        }

        return complete;
    }

    private string Describe(List<SettingProblem> problems)
    {
        var path = section is IConfigurationSection { Path: { Length: > 0 } p } ? p + ":" : "";
        var lines = problems.Select(problem => path.Length > 0 || section is not null
            ? $"{path}{problem.Path} {problem.Text}"
            : $"{typeof(TOptions).Name}.{problem.Path.Replace(':', '.')} {problem.Text}");
        if (section is IConfigurationSection missing && !missing.Exists())
            lines = lines.Prepend($"{missing.Path} is not in the configuration; add the section, or correct its name where it is registered.");

        var all = lines.Distinct().ToList();
        return all.Count == 1
            ? all[0]
            : string.Create(CultureInfo.InvariantCulture, $"{all.Count} settings are wrong:{Environment.NewLine}{string.Join(Environment.NewLine, all)}");
    }
}
