import ca.uhn.fhir.context.FhirContext;
import ca.uhn.fhir.context.support.DefaultProfileValidationSupport;
import ca.uhn.fhir.context.support.IValidationSupport;
import ca.uhn.fhir.validation.FhirValidator;
import com.google.gson.Gson;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.hl7.fhir.common.hapi.validation.support.CommonCodeSystemsTerminologyService;
import org.hl7.fhir.common.hapi.validation.support.InMemoryTerminologyServerValidationSupport;
import org.hl7.fhir.common.hapi.validation.support.NpmPackageValidationSupport;
import org.hl7.fhir.common.hapi.validation.support.PrePopulatedValidationSupport;
import org.hl7.fhir.common.hapi.validation.support.SnapshotGeneratingValidationSupport;
import org.hl7.fhir.common.hapi.validation.support.UnknownCodeSystemWarningValidationSupport;
import org.hl7.fhir.common.hapi.validation.support.ValidationSupportChain;
import org.hl7.fhir.common.hapi.validation.validator.FhirInstanceValidator;
import org.hl7.fhir.instance.model.api.IBaseResource;
import org.hl7.fhir.utilities.npm.NpmPackage;

/**
 * HL7's validator, as HAPI has it, over files. Args: [npm packages, with colons] [folder of code systems] [file...].
 * Each message is a line of JSON: file, severity, place, id, message. A file that was judged has a line of its own.
 */
public class Judge {
  static class Packages extends NpmPackageValidationSupport {
    Packages(FhirContext context) { super(context); }

    void add(Path path) throws Exception {
      try (var content = Files.newInputStream(path)) {
        NpmPackage read = NpmPackage.fromPackage(content);
        for (String kind : List.of("StructureDefinition", "CodeSystem", "ValueSet")) {
          for (String name : read.listResources(kind)) {
            try (var resource = read.loadResource(name)) {
              addResource((IBaseResource) getFhirContext().newJsonParser().parseResource(resource));
            }
          }
        }
      }
    }
  }

  static FhirValidator validator(String packages, Path codes) throws Exception {
    FhirContext context = FhirContext.forR4();
    Packages guide = new Packages(context);
    for (String one : packages.split(":")) guide.add(Paths.get(one));
    PrePopulatedValidationSupport local = new PrePopulatedValidationSupport(context);
    try (var files = Files.newDirectoryStream(codes, "*.json")) {
      for (Path one : files) local.addResource((IBaseResource) context.newJsonParser().parseResource(Files.readString(one)));
    }
    var unknown = new UnknownCodeSystemWarningValidationSupport(context);
    unknown.setNonExistentCodeSystemSeverity(IValidationSupport.IssueSeverity.WARNING);
    var module = new FhirInstanceValidator(new ValidationSupportChain(
        local, guide, new DefaultProfileValidationSupport(context), new CommonCodeSystemsTerminologyService(context),
        new InMemoryTerminologyServerValidationSupport(context), new SnapshotGeneratingValidationSupport(context), unknown));
    module.setAnyExtensionsAllowed(true);
    return context.newValidator().registerValidatorModule(module);
  }

  static void tell(Gson json, String file, String severity, String place, String id, String message) {
    Map<String, String> told = new TreeMap<>();
    told.put("file", file);
    told.put("severity", severity);
    told.put("place", String.valueOf(place));
    told.put("id", String.valueOf(id));
    told.put("message", message);
    System.out.println(json.toJson(told));
  }

  public static void main(String[] arguments) throws Exception {
    FhirValidator validator = validator(arguments[0], Paths.get(arguments[1]));
    Gson json = new Gson();
    for (String file : Arrays.asList(arguments).subList(2, arguments.length)) {
      try {
        for (var said : validator.validateWithResult(Files.readString(Paths.get(file))).getMessages()) {
          tell(json, file, said.getSeverity().getCode(), said.getLocationString(), said.getMessageId(), said.getMessage());
        }
      } catch (RuntimeException broken) {   // of JSON of another shape than FHIR's
        tell(json, file, "fatal", "", "exception", broken.toString());
      }
      System.out.println(json.toJson(Map.of("file", file, "severity", "judged")));
      System.out.flush();
    }
  }
}
